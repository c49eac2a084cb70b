"""AUTOMATIC1111's txt2img, img2img, extra-single-image, progress and interrupt.

Unknown fields are ignored: clients send many. Progress and interrupt see only the key's own jobs.
"""

from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _

from accounts.models import ApiKey, Scope
from generation import jobs
from generation.api import auth, errors, orders, wait
from generation.api.automatic1111 import hires, parsing, serializers
from generation.api.automatic1111.errors import api_format, missing
from generation.api.idempotency import digest_of, find_jobs, identify
from generation.api.parsing import boolean, json_object, text
from generation.api.threads import in_thread
from generation.engine.enums import Mode
from generation.engine.request import GenerationRequest
from generation.models import Job, Status

# How long internal_progress finds a job by the client's task id.
TASK_SECONDS = 3_600


@api_format.endpoint("POST", scope=Scope.GENERATE)
async def txt2img(request: HttpRequest) -> JsonResponse:
    body = await in_thread(json_object)(request)
    return await _generate(request, body, Mode.TEXT_TO_IMAGE)


@api_format.endpoint("POST", scope=Scope.GENERATE)
async def img2img(request: HttpRequest) -> JsonResponse:
    body = await in_thread(json_object)(request)
    if not body.get("init_images"):
        raise errors.not_found("Init image not found")
    return await _generate(request, body, Mode.INPAINT if body.get("mask") else Mode.IMAGE_TO_IMAGE)


@api_format.endpoint("POST", scope=Scope.GENERATE)
async def extra_single_image(request: HttpRequest) -> JsonResponse:
    """Upscale an image with an upscaler checkpoint."""
    body = await in_thread(json_object)(request)
    ended = await wait.until_ended(await in_thread(_place_upscale)(request, body))
    return await in_thread(serializers.upscaled)(ended)


@api_format.endpoint("GET", scope=Scope.READ)
def progress(request: HttpRequest) -> JsonResponse:
    key = auth.call_of(request).key
    job = _current(key)
    wants_image = request.GET.get("skip_current_image", "false").lower() != "true"
    count = Job.objects.filter(api_key=key).active().count()
    return JsonResponse(serializers.progress(job, count=count, wants_image=wants_image))


@api_format.endpoint("POST", scope=Scope.READ)
def internal_progress(request: HttpRequest) -> JsonResponse:
    """Progress of the job that was sent with this `force_task_id`."""
    key, body = auth.call_of(request).key, json_object(request)
    task = text(body, "id_task")
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


@api_format.endpoint("POST", scope=Scope.GENERATE)
def interrupt(request: HttpRequest) -> JsonResponse:
    """Cancel the running or next job, and all others of the same request."""
    if job := _current(auth.call_of(request).key):
        for each in orders.of_same_request(job):
            jobs.cancel(each)
    return JsonResponse({})


@api_format.endpoint("POST", scope=Scope.GENERATE)
def interrogate(request: HttpRequest) -> JsonResponse:
    raise missing(_("Pictures cannot be put into words here."))


@api_format.endpoint("GET", "POST", scope=Scope.READ)
def controlnet(request: HttpRequest) -> JsonResponse:
    raise missing(_("There is no ControlNet here."))


async def _generate(request: HttpRequest, body: dict[str, Any], mode: Mode) -> JsonResponse:
    """Respond with the images of the second pass if there is one, else of the first."""
    first, second = await in_thread(_place)(request, body, mode)
    ended = await wait.until_ended(first)
    jobs = [ended]
    if second and ended.status != Status.CANCELED:
        placed = await in_thread(_place_second)(request, body, ended, second)
        jobs = await wait.until_all_ended(placed)
    return await in_thread(serializers.images)(jobs, body, first=ended)


def _place(
    request: HttpRequest, body: dict[str, Any], mode: Mode
) -> tuple[Job, GenerationRequest | None]:
    call = auth.call_of(request)
    parsing.require_supported(body)
    first = parsing.generation_request(call.key, body, mode)
    idempotency = identify(request, body)
    second = None
    if mode is Mode.TEXT_TO_IMAGE and boolean(body, "enable_hr"):
        second = hires.second_pass(call.key, body, first)
        if not find_jobs(call.key, idempotency):
            orders.require_all(call.key, [first, *[second] * first.num_images])
    job = call.job = orders.place(call.key, first, idempotency)[0]
    _keep_task_id(call.key, body, job)
    return job, second


def _place_second(
    request: HttpRequest, body: dict[str, Any], first: Job, second: GenerationRequest
) -> list[Job]:
    key = auth.call_of(request).key
    jobs = orders.place_after(key, first, hires.from_each(key, first, second))
    _keep_task_id(key, body, jobs[0])
    return jobs


def _keep_task_id(key: ApiKey, body: dict[str, Any], job: Job) -> None:
    """Let internal_progress find the job by the client's `force_task_id`."""
    if task := text(body, "force_task_id"):
        cache.set(_task_key(key, task), job.pk, timeout=TASK_SECONDS)


def _place_upscale(request: HttpRequest, body: dict[str, Any]) -> Job:
    call = auth.call_of(request)
    upscale = parsing.upscale_request(call.key, body)
    job = call.job = orders.place(call.key, upscale, identify(request, body))[0]
    return job


def _current(key: ApiKey) -> Job | None:
    """The key's running job, else its oldest queued one."""
    active = Job.objects.filter(api_key=key).active().select_related("user")
    first = active.running().order_by("started_at").first()
    return first or active.order_by("created_at", "id").first()


def _task_key(key: ApiKey, task: str) -> str:
    return f"task.{key.pk}.{digest_of({'task': task})}"
