"""Connections that notice when Valkey has gone silent."""

import asyncio
import contextlib
import errno
import os
import socket

import pytest
import redis
from asgiref.sync import sync_to_async
from channels_redis.utils import create_pool
from django.core.cache import cache
from redis.asyncio import Redis

from generation.queue import valkey as shared
from sdsite import valkey
from sdsite.celery import app

# What the kernel reports on a connection whose other end acknowledges nothing any more.
DEAD = OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
TRIES = 1_000
TCP = "redis://127.0.0.1:1/0"


@pytest.fixture
async def pubsub(settings):
    """A subscription of the kind that the channel layer has."""
    (host,) = settings.CHANNEL_LAYERS["default"]["CONFIG"]["hosts"]
    async with Redis(connection_pool=create_pool(host)) as client, client.pubsub() as pubsub:
        await pubsub.subscribe("news")
        await pubsub.get_message(timeout=60)
        yield pubsub
        await client.connection_pool.disconnect()


async def count_turns(turns):
    while True:
        turns.append(1)
        await asyncio.sleep(0)


async def test_a_dead_connection_leaves_the_loop_to_other_tasks(pubsub):
    turns = []
    other = asyncio.create_task(count_turns(turns))
    pubsub.connection._reader.set_exception(DEAD)

    for _ in range(TRIES):
        with contextlib.suppress(redis.ConnectionError):
            await pubsub.get_message(timeout=0.001)

    other.cancel()
    assert len(turns) > TRIES


async def test_a_dead_connection_is_replaced_and_subscribes_again(pubsub):
    pubsub.connection._reader.set_exception(DEAD)
    with pytest.raises(redis.ConnectionError, match="silent"):
        await pubsub.get_message(timeout=0.1)

    await sync_to_async(publish)("news", "again")

    assert (await anext(pubsub.listen()))["type"] == "subscribe"
    assert (await anext(pubsub.listen()))["data"] == b"again"


def publish(channel, message):
    shared.client().publish(channel, message)


@pytest.mark.parametrize("url", [TCP, "rediss://127.0.0.1:1/0", "unix:///nowhere/valkey.sock"])
async def test_no_kind_of_connection_takes_a_dead_network_for_silence(url):
    host = {"address": url, "parser_class": valkey.Parser, **valkey.options(url)}
    connection = create_pool(host).make_connection()
    connection._reader = asyncio.StreamReader()
    connection._parser.on_connect(connection)
    connection._reader.set_exception(DEAD)

    with pytest.raises(redis.ConnectionError, match="silent"):
        await connection.read_response(timeout=0.1, disconnect_on_error=False)


def options_of_each_client(settings):
    (host,) = settings.CHANNEL_LAYERS["default"]["CONFIG"]["hosts"]
    with app.connection_for_write() as broker:
        return {
            "cache": cache._cache.get_client().connection_pool.connection_kwargs,
            "channel layer": create_pool(host).connection_kwargs,
            "jobs": shared.client().connection_pool.connection_kwargs,
            "celery": broker.default_channel.pool.connection_kwargs,
        }


def test_no_client_waits_for_a_silent_server_for_ever(settings):
    waits = {
        name: each["socket_timeout"] for name, each in options_of_each_client(settings).items()
    }

    assert waits == dict.fromkeys(waits, valkey.ANSWER_SECONDS)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system has no such option")
def test_the_kernel_gives_up_a_connection_that_nobody_acknowledges():
    connection = redis.Connection(**valkey.options(TCP))
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection.port = server.getsockname()[1]
        with connection._connect() as client:
            found = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

    assert found == valkey.SILENT_SECONDS * 1_000
