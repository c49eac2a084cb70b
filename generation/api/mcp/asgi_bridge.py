"""Runs an ASGI application within a Django view.

So the application's requests pass the site's middleware, and its responses have the headers of others.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

# Mutable, as the SDK's own types of them are.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

REQUEST = "generation.api.request"
# Django and the server set these themselves.
_NOT_PASSED_ON = {b"content-length", b"connection", b"transfer-encoding"}


async def respond(request: HttpRequest, content: bytes, app: App) -> HttpResponseBase:
    """The application's response to the request, whose body is `content`. Raises what the application does.

    It waits for the first piece of the body. The application is canceled if the client leaves, and finds
    Django's request in its scope as REQUEST.
    """
    # Without a bound: what a job reports is small, and the last message must never wait.
    sent: asyncio.Queue[Message | None] = asyncio.Queue()
    task = asyncio.create_task(_run(app, _scope_of(request), content, sent))
    try:
        start = await sent.get()
        first = await sent.get() if start else None
        if start is None or first is None or not first.get("more_body"):
            await task
    except BaseException:
        await _end(task)
        raise
    assert start is not None and first is not None, "an ASGI application responds"
    response: HttpResponseBase
    if first.get("more_body"):
        response = StreamingHttpResponse(_pieces(first, sent, task), status=start["status"])
        # Without this, nginx buffers the stream.
        response["X-Accel-Buffering"] = "no"
    else:
        response = HttpResponse(first.get("body", b""), status=start["status"])
    for name, value in start["headers"]:
        if name.lower() not in _NOT_PASSED_ON:
            response[name.decode("latin-1")] = value.decode("latin-1")
    return response


def _scope_of(request: HttpRequest) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "raw_path": request.path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in request.headers.items()
        ],
        REQUEST: request,
    }


async def _run(app: App, scope: Scope, content: bytes, sent: asyncio.Queue[Message | None]) -> None:
    """Run the application; its messages go to the queue, and None after the last."""
    body: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> Message:
        if body:
            return body.pop()
        # A client that leaves cancels the task instead.
        return await asyncio.Future()

    try:
        await app(scope, receive, sent.put)
    finally:
        sent.put_nowait(None)


async def _pieces(
    first: Message, sent: asyncio.Queue[Message | None], task: asyncio.Task[None]
) -> AsyncIterator[bytes]:
    try:
        message: Message | None = first
        while message is not None:
            yield message.get("body", b"")
            message = await sent.get() if message.get("more_body") else None
        await task
    finally:
        await _end(task)


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel the application and wait until it has cleaned up."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and (error := task.exception()):
        raise error
