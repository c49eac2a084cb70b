"""OpenAI's images: /v1/images/generations, /edits, /variations, /v1/models, and their errors."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from accounts.models import ApiKey, Scope
from generation import storage
from generation.api import (
    access,
    files,
    following,
    jobs_shown,
    openai_asked,
    openai_stream,
    orders,
    outcomes,
    refusals,
    sse,
    wishes,
)
from generation.api.door import Wire
from generation.api.openai_asked import Asked
from generation.api.openai_words import SAYS, Looks
from generation.api.orders import Ticket
from generation.api.refusals import Refusal
from generation.api.threads import in_thread
from generation.models import Image, Job

# Out of it their SDK would ask again, which would not help.
NO_RETRY = frozenset({"insufficient_quota", "budget_exceeded"})


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
    return await _answer(request, await in_thread(openai_asked.generation)(request))


@wire.door("POST", scope=Scope.GENERATE)
async def edits(request: HttpRequest) -> HttpResponseBase:
    return await _answer(request, await in_thread(openai_asked.edit)(request))


@wire.door("POST", scope=Scope.GENERATE)
async def variations(request: HttpRequest) -> HttpResponseBase:
    return await _answer(request, await in_thread(openai_asked.variation)(request))


async def _answer(request: HttpRequest, asked: Asked) -> HttpResponseBase:
    entry = access.entry_of(request)
    looks = openai_asked.looks_of(asked)
    ticket = openai_asked.ticket_of(request, asked)
    jobs = await in_thread(_place)(entry.key, asked, ticket)
    entry.job = jobs[0]
    if looks.is_streamed:
        return sse.response(openai_stream.events(jobs, looks))
    ended = await following.until_all_ended(jobs)
    return await in_thread(_delivered)(ended, looks)


def _place(key: ApiKey, asked: Asked, ticket: Ticket) -> list[Job]:
    if known := orders.find(key, ticket):
        return known
    return orders.place_all(key, openai_asked.requests_of(key, asked), ticket)


def _delivered(jobs: Sequence[Job], looks: Looks) -> JsonResponse:
    images = outcomes.pictures_of(*jobs)
    body = {
        "created": int(time.time()),
        "data": [_datum(image, looks) for image in images],
        **openai_stream.described(jobs[0], looks),
        "usage": openai_stream.USAGE,
    }
    answer = JsonResponse(body)
    answer["X-Job-Id"] = ", ".join(str(job.pk) for job in jobs)
    return answer


def _datum(image: Image, looks: Looks) -> dict[str, Any]:
    if looks.is_linked:
        return {"url": jobs_shown.absolute(storage.signed_url(image, name="image_file"))}
    content = files.content_of(image, format=looks.format, quality=looks.quality)
    return {"b64_json": files.base64_of(content)}


def _model(id: str) -> dict[str, Any]:
    return {"id": id, "object": "model", "created": 0, "owned_by": "us"}
