"""Every wire's addresses, and an answer in the wire's own words for all others below them."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, include, path, re_path

from generation.api.automatic1111 import names
from generation.api.automatic1111 import options as automatic1111_options
from generation.api.automatic1111 import views as automatic1111_views
from generation.api.native import router
from generation.api.openai import views as openai_views
from generation.api.stability import v1, v2

# What AUTOMATIC1111's clients ask for and what is always the same here.
FIXED: dict[str, Any] = {
    "latent-upscale-modes": [],
    "sd-vae": [],
    "sd-modules": [],
    "loras": [],
    "embeddings": {"loaded": {}, "skipped": {}},
    "prompt-styles": [],
    "face-restorers": [],
    "realesrgan-models": [],
    "hypernetworks": [],
    "scripts": {"txt2img": [], "img2img": []},
    "script-info": [],
    "cmd-flags": {},
    "memory": {"ram": {}, "cuda": {}},
    "extensions": [],
}
SDAPI: dict[str, Callable[..., Any]] = {
    "txt2img": automatic1111_views.txt2img,
    "img2img": automatic1111_views.img2img,
    "extra-single-image": automatic1111_views.extra_single_image,
    "interrogate": automatic1111_views.interrogate,
    "progress": automatic1111_views.progress,
    "interrupt": automatic1111_views.interrupt,
    "skip": automatic1111_views.interrupt,
    "options": automatic1111_options.options,
    "sd-models": automatic1111_options.sd_models,
    "upscalers": automatic1111_options.upscalers,
    "samplers": automatic1111_options.samplers,
    "schedulers": automatic1111_options.schedulers,
    "png-info": automatic1111_options.png_info,
    "refresh-checkpoints": automatic1111_options.refresh,
    "refresh-loras": automatic1111_options.refresh,
    "refresh-vae": automatic1111_options.refresh,
    **{name: automatic1111_options.fixed(shown) for name, shown in FIXED.items()},
}


def _sdapi() -> list[URLPattern]:
    return [
        path(f"sdapi/v1/{name}", view, name=f"sdapi_{name.replace('-', '_')}")
        for name, view in SDAPI.items()
    ]


urlpatterns = [
    path("api/v1/", include((router.urls(), "api"), namespace="api")),
    path("v1/models", openai_views.models, name="openai_models"),
    path("v1/models/<str:model_id>", openai_views.model, name="openai_model"),
    path("v1/images/generations", openai_views.generations, name="openai_generations"),
    path("v1/images/edits", openai_views.edits, name="openai_edits"),
    path("v1/images/variations", openai_views.variations, name="openai_variations"),
    *_sdapi(),
    path("internal/progress", automatic1111_views.internal_progress, name="internal_progress"),
    re_path("^controlnet/", automatic1111_views.controlnet, name="controlnet"),
    re_path("^sdapi/", names.wire.not_found(), name="sdapi_nothing"),
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
    re_path("^v2beta/", v2.wire.not_found(), name="stability_nothing"),
    re_path("^v1/", openai_views.wire.not_found(), name="openai_nothing"),
]
