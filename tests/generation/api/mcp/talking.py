"""The SDK's own client in conversation with the site, in this process or with a running one."""

import json
from contextlib import asynccontextmanager, contextmanager

import httpx2
from asgiref.sync import async_to_sync
from django.core import signals
from django.db import close_old_connections
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

# The protocol of 2026, and the one with a handshake, which most clients speak.
ERAS = ["auto", "legacy"]


@asynccontextmanager
async def connected(url, secret, *, mode="auto", transport=None, **options):
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    async with (
        httpx2.AsyncClient(transport=transport, headers=headers, timeout=90) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode, **options) as client,
    ):
        yield client


def talk(secret, conversation, *, mode="auto"):
    """What the conversation returns, which takes a client of the application in this process."""
    from sdsite.asgi import application  # noqa: PLC0415  # app registry: models

    async def run():
        transport = httpx2.ASGITransport(app=application)
        async with connected(
            "http://127.0.0.1/mcp", secret, mode=mode, transport=transport
        ) as client:
            return await conversation(client)

    with _kept_connection():
        return async_to_sync(run)()


@contextmanager
def _kept_connection():
    """Requests close their thread's connection, which is the test's: Django's own client does the same."""
    ends = (signals.request_started, signals.request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in ends:
            signal.connect(close_old_connections)


def post(secret, message, **headers):
    """The response to one message of the protocol of 2025, without the SDK's client."""
    from sdsite.asgi import application  # noqa: PLC0415  # app registry: models

    async def run():
        transport = httpx2.ASGITransport(app=application)
        sent = {
            "Authorization": f"Bearer {secret}",
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            **headers,
        }
        async with httpx2.AsyncClient(transport=transport) as http:
            # As Python writes it: with NaN, which the client itself refuses to send.
            return await http.post(
                "http://127.0.0.1/mcp", content=json.dumps(message), headers=sent
            )

    with _kept_connection():
        return async_to_sync(run)()


def call(secret, tool, arguments=None, *, mode="auto"):
    """A tool's result."""

    async def conversation(client):
        return await client.call_tool(tool, arguments or {})

    return talk(secret, conversation, mode=mode)


def text_of(result):
    return "\n".join(each.text for each in result.content if each.type == "text")


def code_of(result):
    """The stable code of a tool error."""
    assert result.is_error, result
    code = result.structured_content["error"]["code"]
    assert f"({code})" in text_of(result)
    return code
