"""Connections to Valkey that notice when the network goes silent.

A host that vanishes closes no connection. Without limits a client waits for it as long as the kernel
repeats its packets, which is a quarter of an hour.
"""

import socket
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.asyncio.connection import DefaultParser

# Longer than any command takes here, and than the second for which Celery's BRPOP waits on the server.
ANSWER_SECONDS = 5
CONNECT_SECONDS = 3
# The kernel closes a connection whose other end has not acknowledged anything for this long.
SILENT_SECONDS = 10
# By the names of Linux. Other systems lack some, and keep their own values.
_TCP_OPTIONS = {
    "TCP_KEEPIDLE": 5,
    "TCP_KEEPINTVL": 2,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": SILENT_SECONDS * 1_000,
}


class Parser(DefaultParser):  # type: ignore[valid-type,misc]  # a class, chosen when redis-py is imported
    """redis-py's parser for asyncio, which tells a dead connection from a quiet one.

    A parser, because `from_url` takes one for every scheme; it picks the class of a unix:// or rediss://
    connection itself.
    """

    async def read_response(self, *args: Any, **options: Any) -> Any:
        """Raises redis.ConnectionError if the connection is dead."""
        try:
            return await super().read_response(*args, **options)
        except TimeoutError as error:
            # ETIMEDOUT. redis-py would take it for a time-out of its own, "no message yet", and return at
            # once; the channel layer would ask again without ever yielding to its loop.
            raise redis.ConnectionError(f"Valkey has gone silent: {error}") from error


def options(url: str) -> dict[str, Any]:
    """Keyword arguments of redis-py's clients and connection pools."""
    limits = {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": CONNECT_SECONDS}
    if urlsplit(url).scheme == "unix":
        return limits
    return {**limits, "socket_keepalive": True, "socket_keepalive_options": _tcp_options()}


def _tcp_options() -> dict[int, int]:
    numbers = {name: getattr(socket, name, None) for name in _TCP_OPTIONS}
    return {number: _TCP_OPTIONS[name] for name, number in numbers.items() if number is not None}
