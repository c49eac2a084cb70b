"""Delivery of responses: once an order's response was sent whole, a later retry is a request of its own.

The server knows what was sent, not what was read. A client that leaves earlier is noticed while its job runs, or when
its connection takes no more.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils import timezone

from generation.api.asgi_types import App, Message, Receive, Scope, Send
from generation.api.errors import is_transient
from generation.api.threads import in_thread
from generation.models import Job
from generation.models.api import Order

log = logging.getLogger(__name__)

_KEY = "generation.api.delivery"


@dataclass
class _Response:
    """A response on its way: the jobs that it delivers, and whether its client is still there."""

    jobs: Sequence[Job] = ()
    has_left: bool = False


class NoteDelivery:
    """ASGI middleware: marks the orders of a response just before its last part is sent.

    Not afterwards: a client that has all of it may send the next request at once.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = _Response()

        async def receive_noting() -> Message:
            message = await receive()
            state.has_left = state.has_left or message["type"] == "http.disconnect"
            return message

        async def send_noting(message: Message) -> None:
            is_last = message["type"] == "http.response.body" and not message.get("more_body")
            if is_last and state.jobs:
                # Sending to a client that has left raises nothing: let its departure be heard first.
                await asyncio.sleep(0)
                if not state.has_left:
                    await mark(state.jobs)
            await send(message)

        await self.app({**scope, _KEY: state}, receive_noting, send_noting)


async def note(request: HttpRequest, jobs: Sequence[Job]) -> None:
    """Mark the jobs' order when the response to this request is sent; not if a job still runs."""
    if not all(job.is_final for job in jobs):
        return
    state = getattr(request, "scope", {}).get(_KEY)
    if state is None:
        await mark(jobs)
    else:
        state.jobs = jobs


def has_left(request: HttpRequest) -> bool:
    """True once the request's client has closed the connection. A server that ends cancels views, too."""
    state: _Response | None = getattr(request, "scope", {}).get(_KEY)
    return state is not None and state.has_left


async def mark(jobs: Sequence[Job]) -> None:
    """Mark the jobs' order as delivered. Safe to call twice.

    A database that is away must not break off a response that was paid for: the order then stays unmarked.
    """
    try:
        await in_thread(_mark)(jobs)
    except Exception as error:
        if not is_transient(error):
            raise
        log.warning("an order was not marked as delivered: %s", error)


def _mark(jobs: Sequence[Job]) -> None:
    Order.objects.filter(job__in=jobs, delivered_at=None).update(delivered_at=timezone.now())
