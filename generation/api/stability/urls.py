"""Paths of Stability's APIs, under /v1 and /v2beta."""

from django.urls import path, re_path

from generation.api.stability.v1 import views as v1
from generation.api.stability.v2 import views as v2
from generation.api.stability.v2.errors import api_format

urlpatterns = [
    path(
        "v1/generation/<str:engine_id>/text-to-image",
        v1.text_to_image,
        name="stability_text_to_image",
    ),
    path(
        "v1/generation/<str:engine_id>/image-to-image",
        v1.image_to_image,
        name="stability_image_to_image",
    ),
    path(
        "v1/generation/<str:engine_id>/image-to-image/masking",
        v1.masking,
        name="stability_masking",
    ),
    path("v1/engines/list", v1.engines, name="stability_engines"),
    path("v1/user/balance", v1.balance, name="stability_balance"),
    path("v1/user/account", v1.account, name="stability_account"),
    re_path(
        "^v2beta/stable-image/generate/(?P<service>sd3|core|ultra)$",
        v2.generate,
        name="stability_generate",
    ),
    path("v2beta/stable-image/edit/inpaint", v2.inpaint, name="stability_inpaint"),
    path("v2beta/stable-image/edit/outpaint", v2.outpaint, name="stability_outpaint"),
    re_path(
        "^v2beta/stable-image/upscale/(?P<service>fast|conservative|creative)$",
        v2.upscale,
        name="stability_upscale",
    ),
    path("v2beta/results/<str:result_id>", v2.result, name="stability_result"),
    re_path("^v2beta/", api_format.not_found(), name="stability_nothing"),
]
