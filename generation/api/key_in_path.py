"""API keys in the path, for clients that cannot send headers: /a1111/KEY/sdapi/...

The key is moved to the Authorization header before any other code reads or logs the path.
"""

import re
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

_WITH_KEY = re.compile(r"/a1111/([^/]+)(/(?:sdapi|internal|controlnet)/.*)", re.DOTALL)

Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def take_key_out(get_response: Sync | Async) -> Sync | Async:
    """Must run before any middleware that logs the path."""
    if iscoroutinefunction(get_response):

        async def taken_async(request: HttpRequest) -> HttpResponseBase:
            move_key(request)
            response: HttpResponseBase = await get_response(request)
            return response

        return taken_async

    def taken(request: HttpRequest) -> HttpResponseBase:
        move_key(request)
        response = get_response(request)
        assert isinstance(response, HttpResponseBase), "it is synchronous"
        return response

    return taken


def move_key(request: HttpRequest) -> None:
    """Move a key from the request's path to its headers. Safe to call twice."""
    if found := _WITH_KEY.fullmatch(request.path_info):
        key, path = found.groups()
        request.path = request.path_info = request.META["PATH_INFO"] = path
        request.META["HTTP_AUTHORIZATION"] = f"Bearer {key}"
