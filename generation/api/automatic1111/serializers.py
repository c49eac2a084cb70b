"""Response bodies of txt2img, img2img, extra-single-image and progress."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import JsonResponse

from generation.api import files, results
from generation.api.automatic1111 import names
from generation.engine.request import GenerationRequest, infotext, sampler_names
from generation.images import file_formats
from generation.live import latest, snapshot
from generation.models import Image, Job, Status


def images(jobs: Sequence[Job], body: Mapping[str, Any], *, first: Job) -> JsonResponse:
    """The jobs' images, or none if they were interrupted. `first` is the job of the first pass."""
    is_interrupted = all(job.status == Status.CANCELED for job in jobs)
    images = [] if is_interrupted else results.images_of(*jobs)
    second = jobs[0].generation_request if jobs[0] != first else None
    echoed = {name: value for name, value in body.items() if name not in {"init_images", "mask"}}
    wants_images = body.get("send_images") is not False
    return JsonResponse(
        {
            "images": [files.base64_of(file_formats.content_of(image)) for image in images]
            if wants_images
            else [],
            "parameters": echoed,
            "info": json.dumps(_info(first, images, second)),
        }
    )


def upscaled(job: Job) -> JsonResponse:
    (image,) = results.images_of(job)
    return JsonResponse({"image": files.base64_of(file_formats.content_of(image)), "html_info": ""})


def _info(job: Job, images: Sequence[Image], second: GenerationRequest | None) -> dict[str, Any]:
    """The body's `info`. `second` is the request of the second pass, which the web UI reports as extras."""
    request = job.generation_request
    seeds = [image.seed for image in images]
    extra = _second_pass_params(second) if second else {}
    last = second or request
    return {
        "prompt": request.prompt,
        "all_prompts": [request.prompt] * len(images),
        "negative_prompt": request.negative_prompt,
        "all_negative_prompts": [request.negative_prompt] * len(images),
        "seed": request.seed,
        "all_seeds": seeds,
        "subseed": request.subseed if request.subseed_strength else -1,
        "all_subseeds": [_subseed(image) for image in images],
        "subseed_strength": request.subseed_strength,
        "width": request.width,
        "height": request.height,
        "sampler_name": sampler_names.shown_together(
            request.noise_scheduler, request.sigma_schedule
        ),
        "cfg_scale": request.guidance_scale,
        "steps": request.num_inference_steps,
        "batch_size": request.num_images,
        "restore_faces": False,
        "face_restoration_model": None,
        "sd_model_name": request.checkpoint,
        "sd_model_hash": names.hash_of(request.checkpoint),
        "sd_vae_name": None,
        "sd_vae_hash": None,
        "seed_resize_from_w": -1,
        "seed_resize_from_h": -1,
        "denoising_strength": last.strength if last.mode.has_picture else None,
        "extra_generation_params": {**_schedule_params(request), **extra},
        "index_of_first_image": 0,
        "infotexts": [_infotext(request.alone(image.index), image.seed, extra) for image in images],
        "styles": [],
        "job_timestamp": f"{job.created_at:%Y%m%d%H%M%S}",
        "clip_skip": request.clip_skip,
        "is_using_inpainting_conditioning": False,
        "version": "",
    }


def _subseed(image: Image) -> int:
    """The image's own subseed; -1 without one, as in the web UI."""
    request = image.job.generation_request
    return request.subseeds[image.index] if request.subseed_strength else -1


def _schedule_params(request: GenerationRequest) -> dict[str, str]:
    _sampler, schedule = sampler_names.shown(request.noise_scheduler, request.sigma_schedule)
    return {"Schedule type": schedule}


def _second_pass_params(request: GenerationRequest) -> dict[str, Any]:
    """The second pass under the web UI's names."""
    return {
        "Denoising strength": round(request.strength, 4),
        "Hires resize": f"{request.width}x{request.height}",
        "Hires steps": request.num_inference_steps,
    }


def _infotext(request: GenerationRequest, seed: int, extra: Mapping[str, Any]) -> str:
    settings = (f"{name}: {value}" for name, value in extra.items())
    return ", ".join([infotext.write(request, seed=seed), *settings])


def progress(job: Job | None, *, count: int, wants_image: bool) -> dict[str, Any]:
    """The body of progress; clients take a `progress` and `job_count` of 0 for idle."""
    state = snapshot.job_state(job) if job else None
    share = state["step"] / state["steps"] if state else 0.0
    elapsed = (state["elapsed_ms"] or 0) / 1_000 if state else 0.0
    return {
        "progress": share,
        "eta_relative": elapsed * (1 - share) / share if share else 0.0,
        "state": {
            "skipped": False,
            "interrupted": bool(job and job.cancel_requested),
            "stopping_generation": False,
            "job": str(job.pk) if job else "",
            "job_count": count if job else 0,
            "job_timestamp": f"{job.created_at:%Y%m%d%H%M%S}" if job else "0",
            "job_no": 0,
            "sampling_step": state["step"] if state else 0,
            "sampling_steps": state["steps"] if state else 0,
        },
        "current_image": _preview(job) if job and wants_image else None,
        "textinfo": None,
    }


def _preview(job: Job) -> str | None:
    latest.note_watching(job.user_id)
    preview = latest.preview_of(job.pk) if job.status == Status.RUNNING else None
    return files.base64_of(preview[1]) if preview else None
