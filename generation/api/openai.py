"""OpenAI's images: /v1/images/generations, /edits, /variations, /v1/models, and their errors.

What their clients send and means nothing here (quality, background, moderation, user, ...) is ignored.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from accounts.models import ApiKey, Scope
from generation import storage
from generation.api import (
    access,
    files,
    following,
    jobs_shown,
    openai_stream,
    orders,
    outcomes,
    reading,
    refusals,
    sse,
    wishes,
)
from generation.api.door import Wire
from generation.api.openai_words import SAYS, Looks
from generation.api.orders import Ticket
from generation.api.refusals import Refusal
from generation.api.threads import in_thread
from generation.engine.request import MAX_IMAGES, GenerationRequest
from generation.engine.vocabulary import Mode
from generation.models import Image, Job

MOST_PARTIAL = 3
# How the names of OpenAI's own models begin, which some programs know no other way than to send.
ELSEWHERE = ("dall-e-", "gpt-image-", "chatgpt-image-")
# Out of it their SDK would ask again, which would not help.
NO_RETRY = frozenset({"insufficient_quota", "budget_exceeded"})


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One of their requests: what was sent, and the pictures that came with it."""

    fields: Mapping[str, Any]
    mode: Mode
    image: bytes = b""
    mask: bytes = b""
    # Whether what is transparent of the picture is to be painted anew.
    may_be_holed: bool = False


def _refuse(refusal: Refusal) -> JsonResponse:
    status, kind, code = SAYS.get(
        refusal.code, (400 if refusal.status == 422 else refusal.status, "", refusal.code)
    )
    kind = kind or ("invalid_request_error" if status < 500 else "server_error")
    param = PARAMS.get(refusal.param, refusal.param) or None
    if refusal.code == "invalid" and param:
        code = f"invalid_{param}"
    answer = JsonResponse(
        {"error": {"message": refusal.message, "type": kind, "param": param, "code": code}},
        status=status,
    )
    if code in NO_RETRY:
        answer["x-should-retry"] = "false"
    return answer


# Our names of fields, and theirs.
PARAMS: Mapping[str, str] = {
    "checkpoint": "model",
    "num_images": "n",
    "width": "size",
    "height": "size",
}

wire = Wire(refuse=_refuse)


@wire.door("GET", scope=Scope.READ)
def models(request: HttpRequest) -> JsonResponse:
    key = access.entry_of(request).key
    shown = [_model(each.id) for each in wishes.checkpoints_of(key)]
    return JsonResponse({"object": "list", "data": shown})


@wire.door("GET", scope=Scope.READ)
def model(request: HttpRequest, model_id: str) -> JsonResponse:
    key = access.entry_of(request).key
    if model_id not in {each.id for each in wishes.checkpoints_of(key)}:
        raise refusals.not_found()
    return JsonResponse(_model(model_id))


@wire.door("POST", scope=Scope.GENERATE)
async def generations(request: HttpRequest) -> HttpResponseBase:
    return await _answer(request, await in_thread(_asked_generations)(request))


@wire.door("POST", scope=Scope.GENERATE)
async def edits(request: HttpRequest) -> HttpResponseBase:
    return await _answer(request, await in_thread(_asked_edits)(request))


@wire.door("POST", scope=Scope.GENERATE)
async def variations(request: HttpRequest) -> HttpResponseBase:
    return await _answer(request, await in_thread(_asked_variations)(request))


def _asked_generations(request: HttpRequest) -> Asked:
    return Asked(fields=reading.json_object(request), mode=Mode.TEXT_TO_IMAGE)


def _asked_edits(request: HttpRequest) -> Asked:
    """With a mask, or a picture that is transparent in parts, those are painted anew; else all is."""
    fields, sent = reading.form(request)
    image = reading.file_of(sent, "image", "image[]")
    mask = reading.file_of(sent, "mask", is_required=False)
    return Asked(
        fields=fields,
        mode=Mode.INPAINT if mask else Mode.IMAGE_TO_IMAGE,
        image=image,
        mask=mask,
        may_be_holed=True,
    )


def _asked_variations(request: HttpRequest) -> Asked:
    fields, sent = reading.form(request)
    image = reading.file_of(sent, "image")
    return Asked(fields={**fields, "prompt": ""}, mode=Mode.IMAGE_TO_IMAGE, image=image)


async def _answer(request: HttpRequest, asked: Asked) -> HttpResponseBase:
    entry = access.entry_of(request)
    looks = _looks(asked)
    ticket = _ticket(request, asked)
    job = entry.job = await in_thread(_place)(entry.key, asked, ticket)
    if looks.is_streamed:
        return sse.response(openai_stream.events(job, looks))
    ended = await following.until_ended(job)
    return await in_thread(_delivered)(ended, looks)


def _place(key: ApiKey, asked: Asked, ticket: Ticket) -> Job:
    if known := orders.find(key, ticket):
        return known
    return orders.place(key, _request_of(key, asked), ticket)[0]


def _request_of(key: ApiKey, asked: Asked) -> GenerationRequest:
    fields = asked.fields
    width, height = _size(fields.get("size"))
    number = reading.integer(fields, "n")
    if number is not None and not 1 <= number <= MAX_IMAGES:
        raise refusals.invalid(
            "n", _("Choose a number from 1 to %(limit)d.") % {"limit": MAX_IMAGES}
        )
    image, mask = _pictures(key, asked)
    mode = Mode.INPAINT if mask else asked.mode
    return wishes.request_of(
        key,
        prompt=reading.text(fields, "prompt"),
        negative_prompt=reading.text(fields, "negative_prompt"),
        checkpoint=wishes.known_as(
            key, reading.text(fields, "model"), mode=mode, elsewhere=ELSEWHERE
        ),
        mode=mode.value,
        width=width,
        height=height,
        num_inference_steps=reading.integer(fields, "num_inference_steps"),
        guidance_scale=reading.number(fields, "guidance_scale"),
        seed=reading.integer(fields, "seed"),
        num_images=number,
        image=image,
        mask=mask,
    )


def _pictures(key: ApiKey, asked: Asked) -> tuple[str, str]:
    """The digests of the picture and of its mask."""
    if not asked.image:
        return "", ""
    image = files.receive(key, asked.image)
    if asked.mask:
        return image.digest, files.receive_mask(key, asked.mask, from_alpha=True).digest
    mask = files.mask_in(key, image) if asked.may_be_holed else None
    return image.digest, mask.digest if mask else ""


def _size(text: Any) -> tuple[int | None, int | None]:
    """Width and height; without them, or with `auto`, the checkpoint's or the picture's own."""
    if text is None or text in ("", "auto"):  # what was sent may have no hash
        return None, None
    width, cross, height = str(text)[:20].lower().partition("x")
    if not cross or not (width.isdecimal() and height.isdecimal()):
        raise refusals.invalid("size", _("Write a size like 1024x1024."))
    return int(width), int(height)


def _looks(asked: Asked) -> Looks:
    fields = asked.fields
    format = reading.text(fields, "output_format") or "png"
    if format not in files.FORMATS:
        raise refusals.invalid("output_format", _("Choose png, jpeg or webp."))
    response_format = reading.text(fields, "response_format") or "b64_json"
    if response_format not in {"b64_json", "url"}:
        raise refusals.invalid("response_format", _("Choose b64_json or url."))
    partial = reading.integer(fields, "partial_images") or 0
    if not 0 <= partial <= MOST_PARTIAL:
        raise refusals.invalid("partial_images", _("Choose a number from 0 to 3."))
    compression = reading.integer(fields, "output_compression")
    if compression is not None and not 0 <= compression <= 100:
        raise refusals.invalid("output_compression", _("Choose a number from 0 to 100."))
    return Looks(
        format=format,
        quality=files.DEFAULT_QUALITY if compression is None else compression,
        is_linked=response_format == "url",
        is_streamed=reading.boolean(fields, "stream"),
        partial_images=partial,
        kind="image_generation" if asked.mode is Mode.TEXT_TO_IMAGE else "image_edit",
    )


def _ticket(request: HttpRequest, asked: Asked) -> Ticket:
    """Their SDK counts its retries, and sends the same body again."""
    retries = request.headers.get("X-Stainless-Retry-Count", "0")
    sent = {
        "path": request.path,
        **asked.fields,
        "image": orders.sum_of(asked.image),
        "mask": orders.sum_of(asked.mask),
    }
    return Ticket(
        digest=orders.digest_of(sent),
        token=request.headers.get("Idempotency-Key", ""),
        is_retry=retries.isdecimal() and int(retries) > 0,
    )


def _delivered(job: Job, looks: Looks) -> JsonResponse:
    images = outcomes.pictures_of(job)
    body = {
        "created": int(time.time()),
        "data": [_datum(image, looks) for image in images],
        **openai_stream.described(job, looks),
        "usage": openai_stream.USAGE,
    }
    answer = JsonResponse(body)
    answer["X-Job-Id"] = str(job.pk)
    return answer


def _datum(image: Image, looks: Looks) -> dict[str, Any]:
    if looks.is_linked:
        return {"url": jobs_shown.absolute(storage.signed_url(image, name="image_file"))}
    content = files.content_of(image, format=looks.format, quality=looks.quality)
    return {"b64_json": files.base64_of(content)}


def _model(id: str) -> dict[str, Any]:
    return {"id": id, "object": "model", "created": 0, "owned_by": "us"}
