"""Delivery of responses as the server sees it."""

import asyncio

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import InterfaceError, OperationalError

from generation import jobs
from generation.api import delivery
from generation.api.delivery import NoteDelivery, has_left, note
from generation.models import Job
from generation.models.api import Order
from tests.generation.api.callers import WISH
from tests.generation.carrying import CHARGES, PICTURE

pytestmark = pytest.mark.django_db


class Request:
    """A request by its ASGI scope, which is all that is looked at."""

    def __init__(self, scope):
        self.scope = scope


@pytest.fixture
def job(caller):
    id = caller.post("/api/v1/jobs", WISH).json()["id"]
    jobs.finish(jobs.claim(worker="machine:1"), [PICTURE], CHARGES)
    return Job.objects.get(pk=id)


def is_delivered():
    return Order.objects.get().delivered_at is not None


def sent(job, *, leaves_after=None, parts=3):
    """Send a response in parts; returns whether the order was delivered as each of them was sent."""
    seen = []

    async def app(scope, receive, send):
        await note(Request(scope), [job])
        listener = asyncio.create_task(receive())
        for number in range(parts):
            await send(
                {"type": "http.response.body", "body": b"part", "more_body": number < parts - 1}
            )
        listener.cancel()

    async def run():
        has_left = asyncio.Event()

        async def receive():
            await has_left.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            seen.append(await sync_to_async(is_delivered)())
            if len(seen) == leaves_after:
                has_left.set()

        await NoteDelivery(app)({"type": "http"}, receive, send)

    async_to_sync(run)()
    return seen


def test_a_response_is_delivered_before_its_last_part_is_sent(job):
    assert sent(job) == [False, False, True]


@pytest.mark.parametrize("parts", [1, 2])
def test_a_client_that_leaves_before_the_end_was_given_nothing(job, parts):
    sent(job, leaves_after=parts)

    assert not is_delivered()


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_response_arrives_whole_while_the_database_is_away(job, monkeypatch, parts, error):
    def fail(_jobs):
        raise error("the database is away")

    monkeypatch.setattr(delivery, "_mark", fail)

    assert sent(job, parts=parts) == [False] * parts


def test_a_mistake_in_marking_is_not_hidden(job, monkeypatch):
    def fail(_jobs):
        raise ZeroDivisionError

    monkeypatch.setattr(delivery, "_mark", fail)

    with pytest.raises(ZeroDivisionError):
        sent(job)


def test_a_job_that_still_runs_is_not_delivered(caller):
    caller.post("/api/v1/jobs", WISH)

    sent(Job.objects.get())

    assert not is_delivered()


def test_a_client_has_left_once_the_server_says_so(rf):
    seen = []

    async def app(scope, receive, send):
        request = Request(scope)
        for _message in range(2):
            await receive()
            seen.append(has_left(request))

    messages = [{"type": "http.disconnect"}, {"type": "http.request", "body": b""}]

    async def receive():
        return messages.pop()

    async_to_sync(NoteDelivery(app))({"type": "http"}, receive, None)

    assert seen == [False, True]
    assert not has_left(rf.get("/"))
