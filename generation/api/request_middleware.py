"""Middleware that changes a request before anything else reads it."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


def changing(change: Callable[[HttpRequest], None]) -> Callable[[Sync | Async], Sync | Async]:
    """Return a middleware that changes each request. `change` must not block, for it runs in the event loop."""

    @sync_and_async_middleware
    def middleware(get_response: Sync | Async) -> Sync | Async:
        if iscoroutinefunction(get_response):

            async def respond_async(request: HttpRequest) -> HttpResponseBase:
                change(request)
                response: HttpResponseBase = await get_response(request)
                return response

            return respond_async

        def respond(request: HttpRequest) -> HttpResponseBase:
            change(request)
            response = get_response(request)
            assert isinstance(response, HttpResponseBase), "it is synchronous"
            return response

        return respond

    return middleware
