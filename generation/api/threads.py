"""Work with the database out of an asynchronous view."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async

P = ParamSpec("P")
T = TypeVar("T")


def in_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """The function in the request's own thread, which keeps no connection while the request waits."""
    threaded: Callable[P, Awaitable[T]] = database_sync_to_async(function)
    return threaded
