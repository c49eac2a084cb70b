"""AUTOMATIC1111's web UI: txt2img, img2img, extras, progress and interrupt, under /sdapi/v1.

Fields that mean nothing here are ignored, as its clients send many. Progress and interrupt concern the
jobs of the key alone.
"""

import json
import math
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _

from accounts.models import ApiKey, Scope
from generation import events, jobs
from generation.api import (
    access,
    automatic1111_words,
    files,
    following,
    orders,
    outcomes,
    reading,
    refusals,
    wishes,
)
from generation.api.automatic1111_words import wire
from generation.api.threads import in_thread
from generation.engine import infotext
from generation.engine.request import MAX_IMAGES, GenerationRequest
from generation.engine.vocabulary import Mode
from generation.models import Image, Job, Status

DENOISING_STRENGTH = 0.75
# How many pictures are wanted is the product of these.
FACTORS = ("batch_size", "n_iter")
# How long a program can ask after a job by the name that it gave it.
TASK_SECONDS = 3_600


@wire.door("POST", scope=Scope.GENERATE)
async def txt2img(request: HttpRequest) -> JsonResponse:
    body = await in_thread(reading.json_object)(request)
    return await _made(request, body, Mode.TEXT_TO_IMAGE)


@wire.door("POST", scope=Scope.GENERATE)
async def img2img(request: HttpRequest) -> JsonResponse:
    body = await in_thread(reading.json_object)(request)
    if not body.get("init_images"):
        raise refusals.not_found("Init image not found")
    return await _made(request, body, Mode.INPAINT if body.get("mask") else Mode.IMAGE_TO_IMAGE)


@wire.door("POST", scope=Scope.GENERATE)
async def extra_single_image(request: HttpRequest) -> JsonResponse:
    """Enlarge a picture, with the checkpoint that does that."""
    body = await in_thread(reading.json_object)(request)
    ended = await following.until_ended(await in_thread(_place_upscale)(request, body))
    return await in_thread(_enlarged)(ended)


@wire.door("GET", scope=Scope.READ)
def progress(request: HttpRequest) -> JsonResponse:
    key = access.entry_of(request).key
    job = _current(key)
    wants_image = request.GET.get("skip_current_image", "false").lower() != "true"
    count = Job.objects.filter(api_key=key).active().count()
    return JsonResponse(_progress(job, count=count, wants_image=wants_image))


@wire.door("POST", scope=Scope.READ)
def internal_progress(request: HttpRequest) -> JsonResponse:
    """How a job stands that the program gave a name to, by `force_task_id`."""
    key, body = access.entry_of(request).key, reading.json_object(request)
    task = reading.text(body, "id_task")
    job = Job.objects.filter(api_key=key, pk=cache.get(_task_key(key, task))).first()
    shown = _progress(job if job and job.is_active else None, count=1, wants_image=True)
    return JsonResponse(
        {
            "active": job is not None and job.status == Status.RUNNING,
            "queued": job is not None and job.status == Status.QUEUED,
            "completed": job is not None and job.is_final,
            "progress": shown["progress"],
            "eta": shown["eta_relative"],
            "live_preview": shown["current_image"],
            "id_live_preview": shown["state"]["sampling_step"],
            "textinfo": None,
        }
    )


@wire.door("POST", scope=Scope.GENERATE)
def interrupt(request: HttpRequest) -> JsonResponse:
    """Stop what runs, or else what would run next."""
    if job := _current(access.entry_of(request).key):
        jobs.cancel(job)
    return JsonResponse({})


async def _made(request: HttpRequest, body: dict[str, Any], mode: Mode) -> JsonResponse:
    job = await in_thread(_place)(request, body, mode)
    ended = await following.until_ended(job)
    return await in_thread(_shown)(ended, body)


def _place(request: HttpRequest, body: dict[str, Any], mode: Mode) -> Job:
    entry = access.entry_of(request)
    wanted = _request_of(entry.key, body, mode)
    job = entry.job = orders.place(entry.key, wanted, orders.ticket_of(request, body))[0]
    if task := reading.text(body, "force_task_id"):
        cache.set(_task_key(entry.key, task), job.pk, timeout=TASK_SECONDS)
    return job


def _place_upscale(request: HttpRequest, body: dict[str, Any]) -> Job:
    entry = access.entry_of(request)
    # First: where nothing can enlarge it, the picture is not kept.
    checkpoint = automatic1111_words.upscaler_in(entry.key, body)
    content = files.decoded(reading.text(body, "image", limit=None), param="image")
    image = files.receive(entry.key, content)
    wanted = wishes.request_of(
        entry.key, checkpoint=checkpoint, mode=Mode.UPSCALE.value, image=image.digest
    )
    job = entry.job = orders.place(entry.key, wanted, orders.ticket_of(request, body))[0]
    return job


def _request_of(key: ApiKey, body: dict[str, Any], mode: Mode) -> GenerationRequest:
    if reading.boolean(body, "enable_hr"):
        raise refusals.invalid("enable_hr", _("Ask for the final size at once."))
    number = math.prod(reading.count(body, name, limit=MAX_IMAGES) for name in FACTORS)
    if number > MAX_IMAGES:
        raise refusals.invalid(
            "batch_size", _("Choose a number from 1 to %(limit)d.") % {"limit": MAX_IMAGES}
        )
    checkpoint = automatic1111_words.checkpoint_in(key, body, mode=mode)
    seed = reading.integer(body, "seed")
    return wishes.request_of(
        key,
        prompt=reading.text(body, "prompt"),
        negative_prompt=reading.text(body, "negative_prompt"),
        checkpoint=checkpoint,
        mode=mode.value,
        width=reading.integer(body, "width"),
        height=reading.integer(body, "height"),
        num_inference_steps=reading.integer(body, "steps"),
        guidance_scale=reading.number(body, "cfg_scale"),
        noise_scheduler=automatic1111_words.noise_scheduler_in(body),
        # Below nought stands for a random one.
        seed=None if seed is None or seed < 0 else seed,
        num_images=number,
        **_pictures(key, body, mode),
    )


def _pictures(key: ApiKey, body: dict[str, Any], mode: Mode) -> dict[str, Any]:
    if mode is Mode.TEXT_TO_IMAGE:
        return {}
    given = body["init_images"]
    first = {"init_images": given[0] if isinstance(given, list) else given}
    text = reading.text(first, "init_images", limit=None)
    image = files.receive(key, files.decoded(text, param="init_images"), param="init_images")
    strength = reading.number(body, "denoising_strength")
    pictures = {
        "image": image.digest,
        "strength": DENOISING_STRENGTH if strength is None else strength,
    }
    if mode is Mode.INPAINT:
        content = files.decoded(reading.text(body, "mask", limit=None), param="mask")
        invert = bool(reading.integer(body, "inpainting_mask_invert"))
        pictures["mask"] = files.receive_mask(key, content, invert=invert).digest
    return pictures


def _shown(job: Job, body: dict[str, Any]) -> JsonResponse:
    """Its pictures; one that was interrupted has none."""
    images = [] if job.status == Status.CANCELED else outcomes.pictures_of(job)
    echoed = {name: value for name, value in body.items() if name not in {"init_images", "mask"}}
    wants_images = body.get("send_images") is not False
    return JsonResponse(
        {
            "images": [files.base64_of(files.content_of(image)) for image in images]
            if wants_images
            else [],
            "parameters": echoed,
            "info": json.dumps(_info(job, images)),
        }
    )


def _enlarged(job: Job) -> JsonResponse:
    (image,) = outcomes.pictures_of(job)
    return JsonResponse({"image": files.base64_of(files.content_of(image)), "html_info": ""})


def _info(job: Job, images: list[Image]) -> dict[str, Any]:
    wanted = job.generation_request
    seeds = [image.seed for image in images]
    return {
        "prompt": wanted.prompt,
        "all_prompts": [wanted.prompt] * len(images),
        "negative_prompt": wanted.negative_prompt,
        "all_negative_prompts": [wanted.negative_prompt] * len(images),
        "seed": wanted.seed,
        "all_seeds": seeds,
        "subseed": -1,
        "all_subseeds": [-1] * len(images),
        "subseed_strength": 0,
        "width": wanted.width,
        "height": wanted.height,
        "sampler_name": infotext.SAMPLERS[wanted.noise_scheduler],
        "cfg_scale": wanted.guidance_scale,
        "steps": wanted.num_inference_steps,
        "batch_size": wanted.num_images,
        "restore_faces": False,
        "face_restoration_model": None,
        "sd_model_name": wanted.checkpoint,
        "sd_model_hash": automatic1111_words.hash_of(wanted.checkpoint),
        "sd_vae_name": None,
        "sd_vae_hash": None,
        "seed_resize_from_w": -1,
        "seed_resize_from_h": -1,
        "denoising_strength": wanted.strength if wanted.mode.has_picture else None,
        "extra_generation_params": {},
        "index_of_first_image": 0,
        "infotexts": [infotext.write(wanted, seed=seed) for seed in seeds],
        "styles": [],
        "job_timestamp": f"{job.created_at:%Y%m%d%H%M%S}",
        "clip_skip": 1,
        "is_using_inpainting_conditioning": False,
        "version": "",
    }


def _progress(job: Job | None, *, count: int, wants_image: bool) -> dict[str, Any]:
    """Idle is nought of nought, which clients wait for."""
    state = events.job_state(job) if job else None
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
    events.note_watching(job.user_id)
    preview = events.preview_of(job.pk) if job.status == Status.RUNNING else None
    return files.base64_of(preview[1]) if preview else None


def _current(key: ApiKey) -> Job | None:
    """The key's job that runs, or that came first of those in line."""
    active = Job.objects.filter(api_key=key).active().select_related("user")
    first = active.running().order_by("started_at").first()
    return first or active.order_by("created_at", "id").first()


def _task_key(key: ApiKey, task: str) -> str:
    return f"task.{key.pk}.{orders.digest_of({'task': task})}"
