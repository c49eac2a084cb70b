"""Runs an ASGI application within a Django view.

So the application's requests pass the site's middleware, and its responses have the headers of others.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import AsyncToSync, ThreadSensitiveContext
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

# Mutable, as the SDK's own types of them are.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
P = ParamSpec("P")
T = TypeVar("T")

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
        with _threads() as threads:
            async with ThreadSensitiveContext(executor=threads):
                await app(scope, receive, sent.put)
    finally:
        sent.put_nowait(None)


class _Threads(Executor):
    """The view's thread until the view has responded, and then one of the application's own.

    A stream goes on after its view, whose thread then takes no more work.
    """

    def __init__(self, views: Executor | None, own: Executor) -> None:
        self._views = views
        self._own = own

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        if self._views is not None:
            try:
                return self._views.submit(fn, *args, **kwargs)
            except RuntimeError:
                self._views = None
        return self._own.submit(fn, *args, **kwargs)


@contextmanager
def _threads() -> Iterator[_Threads]:
    own = ThreadPoolExecutor(max_workers=1)
    try:
        # Set while synchronous middleware waits for the view in a thread.
        yield _Threads(getattr(AsyncToSync.executors, "current", None), own)
    finally:
        # Not waiting: this is the event loop's thread.
        own.shutdown(wait=False)


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
