"""Headers of every API response, and the call log that owners of keys see."""

import logging
import time
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control
from django.utils.decorators import sync_and_async_middleware

from generation.api import auth, call_log
from generation.api.formats import FORMATS
from generation.api.threads import in_thread
from generation.models.api import Call

log = logging.getLogger(__name__)

PREFIXES = tuple(FORMATS)

Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def note_calls(get_response: Sync | Async) -> Sync | Async:
    """Must be the last middleware that has the request's id: it needs the view's response, too."""
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


def _finish(request: HttpRequest, response: HttpResponseBase) -> None:
    id, call = call_log.request_id(), auth.known_call(request)
    response["X-Request-Id"] = str(id)
    if call is None:
        return
    patch_cache_control(response, private=True, no_store=True)
    response["RateLimit-Limit"] = str(call.rate.limit)
    response["RateLimit-Remaining"] = str(max(0, call.rate.remaining))
    response["RateLimit-Reset"] = str(call.rate.reset_seconds)
    try:
        Call.objects.create(
            id=id,
            api_key=call.key,
            method=(request.method or "")[:10],
            path=request.path[:200],
            status=response.status_code,
            code=call.code,
            ms=round((time.monotonic() - call.began) * 1_000),
            job=call.job,
        )
    except (OperationalError, InterfaceError) as error:
        # What was asked for is done: a client that heard of an error would ask for it again.
        log.warning("request %s is missing in the call log: %s", id, error)
