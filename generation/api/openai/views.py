"""OpenAI's endpoints: /v1/images/generations, /edits, /variations and /v1/models."""

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from accounts.models import ApiKey, Scope
from generation.api import auth, build_request, delivery, errors, orders, sse, wait
from generation.api.idempotency import Idempotency, find_jobs
from generation.api.openai import parsing, serializers, stream
from generation.api.openai.errors import api_format
from generation.api.openai.parsing import ParsedRequest
from generation.api.threads import in_thread
from generation.models import Job


@api_format.endpoint("GET", scope=Scope.READ)
def models(request: HttpRequest) -> JsonResponse:
    key = auth.call_of(request).key
    shown = [serializers.model(each.id) for each in build_request.checkpoints_of(key)]
    return JsonResponse({"object": "list", "data": shown})


@api_format.endpoint("GET", scope=Scope.READ)
def model(request: HttpRequest, model_id: str) -> JsonResponse:
    key = auth.call_of(request).key
    if model_id not in {each.id for each in build_request.checkpoints_of(key)}:
        raise errors.not_found()
    return JsonResponse(serializers.model(model_id))


@api_format.endpoint("POST", scope=Scope.GENERATE)
async def generations(request: HttpRequest) -> HttpResponseBase:
    return await _respond(request, await in_thread(parsing.generation)(request))


@api_format.endpoint("POST", scope=Scope.GENERATE)
async def edits(request: HttpRequest) -> HttpResponseBase:
    return await _respond(request, await in_thread(parsing.edit)(request))


@api_format.endpoint("POST", scope=Scope.GENERATE)
async def variations(request: HttpRequest) -> HttpResponseBase:
    return await _respond(request, await in_thread(parsing.variation)(request))


async def _respond(request: HttpRequest, parsed: ParsedRequest) -> HttpResponseBase:
    call = auth.call_of(request)
    response_format = parsing.response_format_of(parsed)
    idempotency = parsing.idempotency_of(request, parsed)
    jobs = await in_thread(_place)(call.key, parsed, idempotency)
    call.job = jobs[0]
    if response_format.is_streamed:
        return sse.response(stream.events(jobs, response_format))
    ended = await wait.until_all_ended(jobs)
    await delivery.note(request, ended)
    return await in_thread(serializers.images)(ended, response_format)


def _place(key: ApiKey, parsed: ParsedRequest, idempotency: Idempotency) -> list[Job]:
    # A retry must find its jobs before its images are stored again.
    if known := find_jobs(key, idempotency):
        return known
    return orders.place_all(key, parsing.requests_of(key, parsed), idempotency)
