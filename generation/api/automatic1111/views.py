"""AUTOMATIC1111's web UI: txt2img, img2img, extras, progress and interrupt, under /sdapi/v1.

Fields that mean nothing here are ignored, as its clients send many. Progress and interrupt concern the
jobs of the key alone.
"""

import math
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _

from accounts.models import ApiKey, Scope
from generation import jobs
from generation.api import auth, build_request, errors, files, orders, parsing, wait
from generation.api.automatic1111 import hires, names, serializers
from generation.api.automatic1111.names import wire
from generation.api.threads import in_thread
from generation.engine.enums import Mode
from generation.engine.request import MAX_IMAGES, GenerationRequest
from generation.models import Job, Status

DENOISING_STRENGTH = 0.75
# How many pictures are wanted is the product of these.
FACTORS = ("batch_size", "n_iter")
# How long a program can ask after a job by the name that it gave it.
TASK_SECONDS = 3_600


@wire.endpoint("POST", scope=Scope.GENERATE)
async def txt2img(request: HttpRequest) -> JsonResponse:
    body = await in_thread(parsing.json_object)(request)
    return await _made(request, body, Mode.TEXT_TO_IMAGE)


@wire.endpoint("POST", scope=Scope.GENERATE)
async def img2img(request: HttpRequest) -> JsonResponse:
    body = await in_thread(parsing.json_object)(request)
    if not body.get("init_images"):
        raise errors.not_found("Init image not found")
    return await _made(request, body, Mode.INPAINT if body.get("mask") else Mode.IMAGE_TO_IMAGE)


@wire.endpoint("POST", scope=Scope.GENERATE)
async def extra_single_image(request: HttpRequest) -> JsonResponse:
    """Enlarge a picture, with the checkpoint that does that."""
    body = await in_thread(parsing.json_object)(request)
    ended = await wait.until_ended(await in_thread(_place_upscale)(request, body))
    return await in_thread(serializers.enlarged)(ended)


@wire.endpoint("GET", scope=Scope.READ)
def progress(request: HttpRequest) -> JsonResponse:
    key = auth.entry_of(request).key
    job = _current(key)
    wants_image = request.GET.get("skip_current_image", "false").lower() != "true"
    count = Job.objects.filter(api_key=key).active().count()
    return JsonResponse(serializers.progress(job, count=count, wants_image=wants_image))


@wire.endpoint("POST", scope=Scope.READ)
def internal_progress(request: HttpRequest) -> JsonResponse:
    """How a job stands that the program gave a name to, by `force_task_id`."""
    key, body = auth.entry_of(request).key, parsing.json_object(request)
    task = parsing.text(body, "id_task")
    job = Job.objects.filter(api_key=key, pk=cache.get(_task_key(key, task))).first()
    shown = serializers.progress(job if job and job.is_active else None, count=1, wants_image=True)
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


@wire.endpoint("POST", scope=Scope.GENERATE)
def interrupt(request: HttpRequest) -> JsonResponse:
    """Stop what runs, or else what would run next, with all that was asked for together with it."""
    if job := _current(auth.entry_of(request).key):
        for each in orders.beside(job):
            jobs.cancel(each)
    return JsonResponse({})


@wire.endpoint("POST", scope=Scope.GENERATE)
def interrogate(request: HttpRequest) -> JsonResponse:
    raise names.missing(_("Pictures cannot be put into words here."))


@wire.endpoint("GET", "POST", scope=Scope.READ)
def controlnet(request: HttpRequest) -> JsonResponse:
    raise names.missing(_("There is no ControlNet here."))


async def _made(request: HttpRequest, body: dict[str, Any], mode: Mode) -> JsonResponse:
    """With a second pass, the pictures of that; the first is then a job of its own, and charged as one."""
    first, second = await in_thread(_place)(request, body, mode)
    ended = await wait.until_ended(first)
    jobs = [ended]
    if second and ended.status != Status.CANCELED:
        placed = await in_thread(_place_second)(request, body, ended, second)
        jobs = await wait.until_all_ended(placed)
    return await in_thread(serializers.pictures)(jobs, body, first=ended)


def _place(
    request: HttpRequest, body: dict[str, Any], mode: Mode
) -> tuple[Job, GenerationRequest | None]:
    entry = auth.entry_of(request)
    names.require_here(body)
    wanted, ticket = _request_of(entry.key, body, mode), orders.ticket_of(request, body)
    second = None
    if mode is Mode.TEXT_TO_IMAGE and parsing.boolean(body, "enable_hr"):
        second = hires.second_pass(entry.key, body, wanted)
        if not orders.find(entry.key, ticket):
            orders.require_all(entry.key, [wanted, *[second] * wanted.num_images])
    job = entry.job = orders.place(entry.key, wanted, ticket)[0]
    _name(entry.key, body, job)
    return job, second


def _place_second(
    request: HttpRequest, body: dict[str, Any], first: Job, second: GenerationRequest
) -> list[Job]:
    key = auth.entry_of(request).key
    jobs = orders.place_after(key, first, hires.from_each(key, first, second))
    _name(key, body, jobs[0])
    return jobs


def _name(key: ApiKey, body: dict[str, Any], job: Job) -> None:
    """Let the program ask after the job by the name that it gave it."""
    if task := parsing.text(body, "force_task_id"):
        cache.set(_task_key(key, task), job.pk, timeout=TASK_SECONDS)


def _place_upscale(request: HttpRequest, body: dict[str, Any]) -> Job:
    entry = auth.entry_of(request)
    # First: where nothing can enlarge it, the picture is not kept.
    checkpoint = names.upscaler_in(entry.key, body)
    content = files.decoded(parsing.text(body, "image", limit=None), param="image")
    image = files.receive(entry.key, content)
    wanted = build_request.build_request(
        entry.key, checkpoint=checkpoint, mode=Mode.UPSCALE.value, image=image.digest
    )
    job = entry.job = orders.place(entry.key, wanted, orders.ticket_of(request, body))[0]
    return job


def _request_of(key: ApiKey, body: dict[str, Any], mode: Mode) -> GenerationRequest:
    number = math.prod(parsing.count(body, name, limit=MAX_IMAGES) for name in FACTORS)
    if number > MAX_IMAGES:
        raise errors.invalid(
            "batch_size", _("Choose a number from 1 to %(limit)d.") % {"limit": MAX_IMAGES}
        )
    checkpoint = names.checkpoint_in(key, body, mode=mode)
    seed = parsing.integer(body, "seed")
    return build_request.build_request(
        key,
        prompt=parsing.text(body, "prompt"),
        negative_prompt=parsing.text(body, "negative_prompt"),
        checkpoint=checkpoint,
        mode=mode.value,
        width=parsing.integer(body, "width"),
        height=parsing.integer(body, "height"),
        num_inference_steps=parsing.integer(body, "steps"),
        guidance_scale=parsing.number(body, "cfg_scale"),
        noise_scheduler=names.noise_scheduler_in(body),
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
    text = parsing.text(first, "init_images", limit=None)
    image = files.receive(key, files.decoded(text, param="init_images"), param="init_images")
    strength = parsing.number(body, "denoising_strength")
    pictures = {
        "image": image.digest,
        "strength": DENOISING_STRENGTH if strength is None else strength,
    }
    if mode is Mode.INPAINT:
        content = files.decoded(parsing.text(body, "mask", limit=None), param="mask")
        invert = bool(parsing.integer(body, "inpainting_mask_invert"))
        pictures["mask"] = files.receive_mask(key, content, invert=invert).digest
    return pictures


def _current(key: ApiKey) -> Job | None:
    """The key's job that runs, or that came first of those in line."""
    active = Job.objects.filter(api_key=key).active().select_related("user")
    first = active.running().order_by("started_at").first()
    return first or active.order_by("created_at", "id").first()


def _task_key(key: ApiKey, task: str) -> str:
    return f"task.{key.pk}.{orders.digest_of({'task': task})}"
