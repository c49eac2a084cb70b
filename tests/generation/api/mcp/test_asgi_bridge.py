"""An ASGI application within a view: its responses, its failures, and its end."""

import asyncio
import threading

import pytest
from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async

from generation.api.mcp import asgi_bridge
from generation.api.mcp.asgi_bridge import REQUEST

HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"5"), (b"connection", b"close")]
START = {"type": "http.response.start", "status": 203, "headers": HEADERS}


def piece(body, *, more=False):
    return {"type": "http.response.body", "body": body, "more_body": more}


@pytest.fixture
def request_(rf):
    return rf.post("/mcp", b"", content_type="application/json", headers={"X-Name": "value"})


async def test_a_whole_response_is_passed_on(request_):
    async def app(scope, receive, send):
        assert scope[REQUEST] is request_
        assert dict(scope["headers"])[b"x-name"] == b"value"
        message = await receive()
        await send(START)
        await send(piece(message["body"]))

    response = await asgi_bridge.respond(request_, b"hello", app)

    assert (response.status_code, response.content) == (203, b"hello")
    assert dict(response.headers) == {"content-type": "text/plain"}


async def test_a_stream_is_passed_on_piece_by_piece(request_):
    went_on = asyncio.Event()

    async def app(scope, receive, send):
        await send(START)
        await send(piece(b"a", more=True))
        await went_on.wait()
        await send(piece(b"b"))

    response = await asgi_bridge.respond(request_, b"", app)
    pieces = aiter(response)

    assert response.streaming
    assert response.headers["X-Accel-Buffering"] == "no"
    assert await anext(pieces) == b"a"
    went_on.set()
    assert [each async for each in pieces] == [b"b"]


async def test_a_stream_goes_on_with_threads_after_its_view(request_):
    """Synchronous middleware runs the view in a thread that takes work only until the view responds."""
    threads, has_responded = [], asyncio.Event()

    async def app(scope, receive, send):
        threads.append(await sync_to_async(threading.get_ident)())
        await send(START)
        await send(piece(b"a", more=True))
        await has_responded.wait()
        threads.append(await sync_to_async(threading.get_ident)())
        threads.append(await sync_to_async(threading.get_ident)())
        await send(piece(b"b"))

    async def view():
        return await asgi_bridge.respond(request_, b"", app)

    def middleware():
        return threading.get_ident(), async_to_sync(view)()

    async with ThreadSensitiveContext():
        thread, response = await sync_to_async(middleware)()
        has_responded.set()

        assert [each async for each in response] == [b"a", b"b"]

    assert threads[0] == thread
    assert threads[1] == threads[2] != threading.get_ident()


@pytest.mark.parametrize("sent", [[], [START], [START, piece(b"a", more=True)]], ids=len)
async def test_a_failure_is_raised(request_, sent):
    async def app(scope, receive, send):
        for message in sent:
            await send(message)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        [each async for each in await asgi_bridge.respond(request_, b"", app)]


@pytest.mark.parametrize("is_begun", [False, True])
async def test_a_client_that_leaves_cancels_the_application(request_, is_begun):
    began, ended = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        try:
            if is_begun:
                await send(START)
                await send(piece(b"a", more=True))
            began.set()
            await receive()
            await receive()
        finally:
            await asyncio.sleep(0)
            ended.set()

    async def view():
        async for _each in await asgi_bridge.respond(request_, b"", app):
            pass

    task = asyncio.create_task(view())
    await began.wait()
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
