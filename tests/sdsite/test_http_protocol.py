"""Connections whose request does not arrive are closed."""

import asyncio

import pytest
import uvicorn
from uvicorn.server import ServerState

from sdsite import http_protocol
from sdsite.http_protocol import Protocol

WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def hello(scope, receive, send):
    if scope["path"] == "/later":
        await asyncio.sleep(0.5)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@pytest.fixture
async def connect(monkeypatch):
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.1)
    config = uvicorn.Config(hello, http=Protocol, lifespan="off", log_config=None)
    config.load()
    state = ServerState()

    def protocol():
        return Protocol(config=config, server_state=state, app_state={})

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    writers = []

    async def connect():
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writers.append(writer)
        return reader, writer

    yield connect
    for writer in writers:
        writer.close()
        await writer.wait_closed()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("start", [b"", b"G", WHOLE[:-2], WHOLE[:-2] + b"X: y"], ids=repr)
async def test_a_head_that_does_not_arrive_ends_the_connection(connect, start):
    reader, writer = await connect()

    writer.write(start)

    assert await reader.read() == b""


async def test_the_head_of_a_second_request_has_a_limit_too(connect):
    reader, writer = await connect()
    writer.write(WHOLE)
    assert b" 204 " in await reader.readuntil(b"\r\n\r\n")

    writer.write(WHOLE[:-2])

    assert await reader.read() == b""


async def test_a_response_on_its_way_is_not_cut_off_by_the_next_request(connect):
    reader, writer = await connect()

    writer.write(WHOLE.replace(b"/", b"/later", 1) + WHOLE[:-2])

    assert b" 204 " in await reader.readuntil(b"\r\n\r\n")
    assert await reader.read() == b""


async def test_an_idle_connection_stays_open_after_a_response(connect):
    """uvicorn's own limit, which is longer, is for it."""
    reader, writer = await connect()
    writer.write(WHOLE)
    await reader.readuntil(b"\r\n\r\n")
    another, _writer = await connect()
    assert await another.read() == b""  # opened later, and closed by the limit

    writer.write(WHOLE)

    assert b" 204 " in await reader.readuntil(b"\r\n\r\n")
