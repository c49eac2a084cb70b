"""OpenAI's images: /v1/images/generations, /edits, /variations, /v1/models, and their errors."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from accounts.models import ApiKey, Scope
from generation.api import (
    auth,
    build_request,
    errors,
    files,
    orders,
    results,
    serializers,
    sse,
    wait,
)
from generation.api.endpoint import Wire
from generation.api.errors import ApiError
from generation.api.openai import parsing, stream
from generation.api.openai.errors import ERRORS, ResponseFormat
from generation.api.openai.parsing import ParsedRequest
from generation.api.orders import Idempotency
from generation.api.threads import in_thread
from generation.images import storage
from generation.models import Image, Job

# Out of it their SDK would ask again, which would not help.
NO_RETRY = frozenset({"insufficient_quota", "budget_exceeded"})


def _refuse(refusal: ApiError) -> JsonResponse:
    status, kind, code = ERRORS.get(
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


@wire.endpoint("GET", scope=Scope.READ)
def models(request: HttpRequest) -> JsonResponse:
    key = auth.entry_of(request).key
    shown = [_model(each.id) for each in build_request.checkpoints_of(key)]
    return JsonResponse({"object": "list", "data": shown})


@wire.endpoint("GET", scope=Scope.READ)
def model(request: HttpRequest, model_id: str) -> JsonResponse:
    key = auth.entry_of(request).key
    if model_id not in {each.id for each in build_request.checkpoints_of(key)}:
        raise errors.not_found()
    return JsonResponse(_model(model_id))


@wire.endpoint("POST", scope=Scope.GENERATE)
async def generations(request: HttpRequest) -> HttpResponseBase:
    return await _answer(request, await in_thread(parsing.generation)(request))


@wire.endpoint("POST", scope=Scope.GENERATE)
async def edits(request: HttpRequest) -> HttpResponseBase:
    return await _answer(request, await in_thread(parsing.edit)(request))


@wire.endpoint("POST", scope=Scope.GENERATE)
async def variations(request: HttpRequest) -> HttpResponseBase:
    return await _answer(request, await in_thread(parsing.variation)(request))


async def _answer(request: HttpRequest, asked: ParsedRequest) -> HttpResponseBase:
    entry = auth.entry_of(request)
    looks = parsing.looks_of(asked)
    ticket = parsing.ticket_of(request, asked)
    jobs = await in_thread(_place)(entry.key, asked, ticket)
    entry.job = jobs[0]
    if looks.is_streamed:
        return sse.response(stream.events(jobs, looks))
    ended = await wait.until_all_ended(jobs)
    return await in_thread(_delivered)(ended, looks)


def _place(key: ApiKey, asked: ParsedRequest, ticket: Idempotency) -> list[Job]:
    if known := orders.find(key, ticket):
        return known
    return orders.place_all(key, parsing.requests_of(key, asked), ticket)


def _delivered(jobs: Sequence[Job], looks: ResponseFormat) -> JsonResponse:
    images = results.pictures_of(*jobs)
    body = {
        "created": int(time.time()),
        "data": [_datum(image, looks) for image in images],
        **stream.described(jobs[0], looks),
        "usage": stream.USAGE,
    }
    answer = JsonResponse(body)
    answer["X-Job-Id"] = ", ".join(str(job.pk) for job in jobs)
    return answer


def _datum(image: Image, looks: ResponseFormat) -> dict[str, Any]:
    if looks.is_linked:
        return {"url": serializers.absolute(storage.signed_url(image, name="image_file"))}
    content = files.content_of(image, format=looks.format, quality=looks.quality)
    return {"b64_json": files.base64_of(content)}


def _model(id: str) -> dict[str, Any]:
    return {"id": id, "object": "model", "created": 0, "owned_by": "us"}
