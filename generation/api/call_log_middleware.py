"""What every answer of the API carries, and the log of requests that owners of keys look at."""

import time
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import structlog
from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control
from django.utils.decorators import sync_and_async_middleware

from generation.api import auth
from generation.api.threads import in_thread
from generation.models.api import Call

# Addresses of the API's wires begin with these, and no others do.
PREFIXES = ("/api/", "/v1/", "/v2beta/", "/sdapi/", "/internal/", "/controlnet/")

Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def note_calls(get_response: Sync | Async) -> Sync | Async:
    """Goes last: it sees what the views answer, and the id that the request has in the logs."""
    if iscoroutinefunction(get_response):

        async def note_async(request: HttpRequest) -> HttpResponseBase:
            response: HttpResponseBase = await get_response(request)
            if request.path.startswith(PREFIXES):
                await in_thread(_finish)(request, response)
            return response

        return note_async

    def note(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        assert isinstance(response, HttpResponseBase), "it is synchronous"
        if request.path.startswith(PREFIXES):
            _finish(request, response)
        return response

    return note


def request_id() -> UUID:
    """The id of the request that is being answered, as it stands in the logs."""
    known = structlog.contextvars.get_contextvars().get("request_id")
    return UUID(known) if known else uuid4()


def _finish(request: HttpRequest, response: HttpResponseBase) -> None:
    id, entry = request_id(), auth.known_entry(request)
    response["X-Request-Id"] = str(id)
    if entry is None:
        return
    patch_cache_control(response, private=True, no_store=True)
    response["RateLimit-Limit"] = str(entry.rate.limit)
    response["RateLimit-Remaining"] = str(max(0, entry.rate.remaining))
    response["RateLimit-Reset"] = str(entry.rate.reset_seconds)
    Call.objects.create(
        id=id,
        api_key=entry.key,
        method=(request.method or "")[:10],
        path=request.path[:200],
        status=response.status_code,
        code=entry.code,
        ms=round((time.monotonic() - entry.began) * 1_000),
        job=entry.job,
    )
