"""Every wire's addresses, and an answer in the wire's own words for all others below them."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, include, path, re_path

from generation.api import (
    automatic1111,
    automatic1111_reads,
    automatic1111_words,
    native,
    openai,
    stability,
    stability_v1,
)

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
    "txt2img": automatic1111.txt2img,
    "img2img": automatic1111.img2img,
    "extra-single-image": automatic1111.extra_single_image,
    "interrogate": automatic1111.interrogate,
    "progress": automatic1111.progress,
    "interrupt": automatic1111.interrupt,
    "skip": automatic1111.interrupt,
    "options": automatic1111_reads.options,
    "sd-models": automatic1111_reads.sd_models,
    "upscalers": automatic1111_reads.upscalers,
    "samplers": automatic1111_reads.samplers,
    "schedulers": automatic1111_reads.schedulers,
    "png-info": automatic1111_reads.png_info,
    "refresh-checkpoints": automatic1111_reads.refresh,
    "refresh-loras": automatic1111_reads.refresh,
    "refresh-vae": automatic1111_reads.refresh,
    **{name: automatic1111_reads.fixed(shown) for name, shown in FIXED.items()},
}


def _sdapi() -> list[URLPattern]:
    return [
        path(f"sdapi/v1/{name}", view, name=f"sdapi_{name.replace('-', '_')}")
        for name, view in SDAPI.items()
    ]


urlpatterns = [
    path("api/v1/", include((native.urls(), "api"), namespace="api")),
    path("v1/models", openai.models, name="openai_models"),
    path("v1/models/<str:model_id>", openai.model, name="openai_model"),
    path("v1/images/generations", openai.generations, name="openai_generations"),
    path("v1/images/edits", openai.edits, name="openai_edits"),
    path("v1/images/variations", openai.variations, name="openai_variations"),
    *_sdapi(),
    path("internal/progress", automatic1111.internal_progress, name="internal_progress"),
    re_path("^controlnet/", automatic1111.controlnet, name="controlnet"),
    re_path("^sdapi/", automatic1111_words.wire.nothing_here(), name="sdapi_nothing"),
    path(
        "v1/generation/<str:engine_id>/text-to-image",
        stability_v1.text_to_image,
        name="stability_text_to_image",
    ),
    path(
        "v1/generation/<str:engine_id>/image-to-image",
        stability_v1.image_to_image,
        name="stability_image_to_image",
    ),
    path(
        "v1/generation/<str:engine_id>/image-to-image/masking",
        stability_v1.masking,
        name="stability_masking",
    ),
    path("v1/engines/list", stability_v1.engines, name="stability_engines"),
    path("v1/user/balance", stability_v1.balance, name="stability_balance"),
    path("v1/user/account", stability_v1.account, name="stability_account"),
    re_path(
        "^v2beta/stable-image/generate/(?P<service>sd3|core|ultra)$",
        stability.generate,
        name="stability_generate",
    ),
    path("v2beta/stable-image/edit/inpaint", stability.inpaint, name="stability_inpaint"),
    path("v2beta/stable-image/edit/outpaint", stability.outpaint, name="stability_outpaint"),
    re_path(
        "^v2beta/stable-image/upscale/(?P<service>fast|conservative|creative)$",
        stability.upscale,
        name="stability_upscale",
    ),
    path("v2beta/results/<str:result_id>", stability.result, name="stability_result"),
    re_path("^v2beta/", stability.wire.nothing_here(), name="stability_nothing"),
    re_path("^v1/", openai.wire.nothing_here(), name="openai_nothing"),
]
