"""Stability's v2beta: /v2beta/stable-image/generate, edit and upscale, /v2beta/results.

A form goes in; a picture comes out, as a file or, where the client accepts JSON, as base64.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from accounts.models import ApiKey, Scope
from generation.api import (
    auth,
    build_request,
    call_log_middleware,
    files,
    orders,
    parsing,
    results,
    wait,
)
from generation.api import errors as api_errors
from generation.api.endpoint import Wire
from generation.api.errors import ApiError
from generation.api.threads import in_thread
from generation.engine.enums import Mode
from generation.engine.request import GenerationRequest
from generation.models import Job
from generation.options.sizes import size_of

# Their limit for what is sent at once.
MAX_BYTES = 10 * 2**20
# How the names of Stability's own models begin, which programs have built in.
ELSEWHERE = ("sd3", "stable-")
RATIOS = ("21:9", "16:9", "3:2", "5:4", "1:1", "4:5", "2:3", "9:16", "9:21")
NAMES: Mapping[str, tuple[int, str]] = {
    "insufficient_credits": (402, "payment_required"),
    "insufficient_minutes": (402, "payment_required"),
    "prompt_rejected": (403, "content_moderation"),
    "blocked": (403, "content_moderation"),
    "too_large": (413, "payload_too_large"),
    "rate_limited": (429, "rate_limit_exceeded"),
}


def named(refusal: ApiError) -> tuple[int, str]:
    """The status and the name that Stability has for a refusal."""
    is_bad = refusal.status in {404, 422} and refusal.code != "not_found"
    return NAMES.get(
        refusal.code,
        (400, "bad_request") if is_bad else (refusal.status, refusal.code),
    )


def _refuse(refusal: ApiError) -> JsonResponse:
    status, name = named(refusal)
    errors = [f"{param}: {message}" for param, message in refusal.errors.items()]
    body = {
        "id": str(call_log_middleware.request_id()),
        "name": name,
        "errors": errors or [refusal.message],
    }
    return JsonResponse(body, status=status)


wire = Wire(refuse=_refuse, max_bytes=MAX_BYTES)


@wire.endpoint("POST", scope=Scope.GENERATE)
async def generate(request: HttpRequest, service: str) -> HttpResponseBase:
    """sd3, core and ultra; with an image, the words change it."""
    return await _made(request, await in_thread(_wish_to_generate)(request))


@wire.endpoint("POST", scope=Scope.GENERATE)
async def inpaint(request: HttpRequest) -> HttpResponseBase:
    """White of the mask is painted anew; without one, what is transparent of the image."""
    return await _made(request, await in_thread(_wish_to_inpaint)(request))


@wire.endpoint("POST", scope=Scope.GENERATE)
async def outpaint(request: HttpRequest) -> HttpResponseBase:
    return await _made(request, await in_thread(_wish_to_outpaint)(request))


@wire.endpoint("POST", scope=Scope.GENERATE)
async def upscale(request: HttpRequest, service: str) -> HttpResponseBase:
    """fast and conservative answer with the picture, creative with an id to ask for it by."""
    wanted = await in_thread(_wish_to_upscale)(request)
    if service == "creative":
        job = await in_thread(_place)(request, wanted)
        return JsonResponse({"id": str(job.pk)})
    return await _made(request, wanted)


@wire.endpoint("GET", scope=Scope.READ)
def result(request: HttpRequest, result_id: str) -> HttpResponse:
    """202 while the picture is being made."""
    entry = auth.entry_of(request)
    try:
        mine = Job.objects.filter(api_key=entry.key)
        job = entry.job = mine.get(pk=UUID(result_id))
    except (ValueError, Job.DoesNotExist) as error:
        raise api_errors.not_found() from error
    if not job.is_final:
        return JsonResponse({"id": result_id, "status": "in-progress"}, status=202)
    return _shown(request, job, format="png")


async def _made(request: HttpRequest, wanted: GenerationRequest) -> HttpResponseBase:
    format = await in_thread(_format)(request)
    job = await in_thread(_place)(request, wanted)
    ended = await wait.until_ended(job)
    return await in_thread(_shown)(request, ended, format=format)


def _place(request: HttpRequest, wanted: GenerationRequest) -> Job:
    entry = auth.entry_of(request)
    fields, sent = parsing.form(request)
    ticket = orders.ticket_of(request, {**fields, **orders.sums_of(sent)})
    job = entry.job = orders.place(entry.key, wanted, ticket)[0]
    return job


def _shown(request: HttpRequest, job: Job, *, format: str) -> HttpResponse:
    image = results.pictures_of(job)[0]
    content = files.content_of(image, format=format)
    if "json" in request.headers.get("Accept", ""):
        body = {"image": files.base64_of(content), "finish_reason": "SUCCESS", "seed": image.seed}
        return JsonResponse(body)
    answer = HttpResponse(content, content_type=files.FORMATS[format])
    answer["finish-reason"] = "SUCCESS"
    answer["seed"] = str(image.seed)
    return answer


def _wish_to_generate(request: HttpRequest) -> GenerationRequest:
    key = auth.entry_of(request).key
    fields, sent = parsing.form(request)
    image = parsing.file_of(sent, "image", is_required=False)
    mode = Mode.IMAGE_TO_IMAGE if image else Mode.TEXT_TO_IMAGE
    if not image and fields.get("mode") == "image-to-image":
        raise api_errors.invalid("image", _("Add a picture for this."))
    name = parsing.text(fields, "model")
    checkpoint = build_request.known_as(key, name, mode=mode, elsewhere=ELSEWHERE)
    width, height = (None, None) if image else _size(key, fields, checkpoint)
    return build_request.build_request(
        key,
        **_common(fields),
        checkpoint=checkpoint,
        mode=mode.value,
        width=width,
        height=height,
        image=files.receive(key, image).digest if image else "",
        strength=parsing.number(fields, "strength"),
    )


def _wish_to_inpaint(request: HttpRequest) -> GenerationRequest:
    key = auth.entry_of(request).key
    fields, sent = parsing.form(request)
    image = files.receive(key, parsing.file_of(sent, "image"))
    content = parsing.file_of(sent, "mask", is_required=False)
    mask = files.receive_mask(key, content) if content else files.mask_in(key, image)
    if mask is None:
        raise api_errors.invalid("mask", _("Add a picture for this."))
    return build_request.build_request(
        key,
        **_common(fields),
        mode=Mode.INPAINT.value,
        image=image.digest,
        mask=mask.digest,
    )


def _wish_to_outpaint(request: HttpRequest) -> GenerationRequest:
    key = auth.entry_of(request).key
    fields, sent = parsing.form(request)
    names = {"left": "left", "right": "right", "up": "top", "down": "bottom"}
    room = {ours: parsing.integer(fields, theirs) for theirs, ours in names.items()}
    if any(side is not None and not 0 <= side <= 2_000 for side in room.values()):
        raise api_errors.invalid("left", _("Choose numbers from 0 to 2000."))
    image = files.receive(key, parsing.file_of(sent, "image"))
    return build_request.build_request(
        key, **_common(fields), **room, mode=Mode.OUTPAINT.value, image=image.digest
    )


def _wish_to_upscale(request: HttpRequest) -> GenerationRequest:
    key = auth.entry_of(request).key
    fields, sent = parsing.form(request)
    # First: where nothing can enlarge it, the picture is not kept.
    checkpoint = build_request.checkpoint_of(key, "", mode=Mode.UPSCALE)
    image = files.receive(key, parsing.file_of(sent, "image"))
    return build_request.build_request(
        key,
        **_common(fields),
        checkpoint=checkpoint.id,
        mode=Mode.UPSCALE.value,
        image=image.digest,
    )


def _common(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "prompt": parsing.text(fields, "prompt"),
        "negative_prompt": parsing.text(fields, "negative_prompt"),
        "guidance_scale": parsing.number(fields, "cfg_scale"),
        # Nought stands for a random one.
        "seed": parsing.integer(fields, "seed") or None,
    }


def _size(key: ApiKey, fields: Mapping[str, Any], checkpoint: str) -> tuple[int, int]:
    ratio = parsing.text(fields, "aspect_ratio") or "1:1"
    if ratio not in RATIOS:
        raise api_errors.invalid("aspect_ratio", _("This shape is not known."))
    across, down = ratio.split(":")
    return size_of(build_request.checkpoint_of(key, checkpoint), int(across), int(down))


def _format(request: HttpRequest) -> str:
    format = parsing.text(parsing.form(request)[0], "output_format") or "png"
    if format not in files.FORMATS:
        raise api_errors.invalid("output_format", _("Choose png, jpeg or webp."))
    return format
