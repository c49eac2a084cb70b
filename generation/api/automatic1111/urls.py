"""Paths of AUTOMATIC1111's API, under /sdapi/v1."""

from collections.abc import Callable
from typing import Any

from django.urls import path, re_path

from generation.api.automatic1111 import options, views
from generation.api.automatic1111.errors import api_format

# Endpoints with a constant body, by name.
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
    "txt2img": views.txt2img,
    "img2img": views.img2img,
    "extra-single-image": views.extra_single_image,
    "interrogate": views.interrogate,
    "progress": views.progress,
    "interrupt": views.interrupt,
    "skip": views.interrupt,
    "options": options.options,
    "sd-models": options.sd_models,
    "upscalers": options.upscalers,
    "samplers": options.samplers,
    "schedulers": options.schedulers,
    "png-info": options.png_info,
    "refresh-checkpoints": options.refresh,
    "refresh-loras": options.refresh,
    "refresh-vae": options.refresh,
    **{name: options.fixed(body) for name, body in FIXED.items()},
}

urlpatterns = [
    *(
        path(f"sdapi/v1/{name}", view, name=f"sdapi_{name.replace('-', '_')}")
        for name, view in SDAPI.items()
    ),
    path("internal/progress", views.internal_progress, name="internal_progress"),
    re_path("^controlnet/", views.controlnet, name="controlnet"),
    re_path("^sdapi/", api_format.not_found(), name="sdapi_nothing"),
]
