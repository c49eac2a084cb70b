"""A browser's socket, through the whole of the site's ASGI application, on the real channel layer."""

import asyncio
import json
from functools import partial
from uuid import UUID

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from prometheus_client import REGISTRY

from accounts.models import User
from generation import jobs
from generation.live import consumer, latest, messages, session_watch, snapshot
from generation.live.consumer import Outbox
from generation.live.messages import Progress
from sdsite.asgi import application
from tests.factories import PASSWORD
from tests.generation.carrying import claim, finish, submit, submit_and_claim
from tests.running import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 60.0

in_thread = partial(database_sync_to_async, thread_sensitive=False)


class Browser:
    """One browser's received messages. A `slow` one reads only on demand."""

    def __init__(self, client=None, *, origin="http://127.0.0.1:8000", slow=False):
        headers = [(b"origin", origin.encode())]
        if client is not None:
            cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        scope = {
            "type": "websocket",
            "path": "/ws/jobs/",
            "query_string": b"",
            "headers": headers,
            "subprotocols": [],
        }
        self.socket = ApplicationCommunicator(application, scope)
        if slow:
            self.socket._output_queue = asyncio.Queue(maxsize=1)

    async def connect(self):
        """Connect; True if the site accepts the browser."""
        await self.socket.send_input({"type": "websocket.connect"})
        answer = await self.socket.receive_output(PATIENCE)
        return answer["type"] == "websocket.accept"

    async def disconnect(self):
        await self.socket.send_input({"type": "websocket.disconnect", "code": 1001})
        await self.socket.wait(PATIENCE)

    async def send(self, **data):
        await self.socket.send_input({"type": "websocket.receive", **data})

    async def hears_nothing(self, *, seconds=0.3):
        return await self.socket.receive_nothing(seconds)

    async def next(self):
        """The next message, or a preview as its job, number and JPEG."""
        output = await self.socket.receive_output(PATIENCE)
        assert output["type"] == "websocket.send", output
        if "text" in output:
            return json.loads(output["text"])
        frame = output["bytes"]
        return UUID(bytes=frame[:16]), int.from_bytes(frame[16:20], "big"), frame[20:]

    async def until(self, type):
        """The first message of this type; earlier ones are skipped."""
        while True:
            message = await self.next()
            if isinstance(message, dict) and message["type"] == type:
                return message

    async def is_closed(self, *, seconds=PATIENCE):
        """True if the site closes the socket, perhaps after more messages."""
        async with asyncio.timeout(seconds):
            while True:
                output = await self.socket.receive_output(seconds)
                if output["type"] == "websocket.close":
                    return True


@pytest.fixture
async def open_browser():
    browsers = []

    async def open_browser(client, **options):
        browser = Browser(client, **options)
        browsers.append(browser)
        assert await browser.connect()
        return browser

    yield open_browser
    for browser in browsers:
        await browser.disconnect()


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def alices(alice):
    return signed_in(alice)


@pytest.fixture
def bobs(bob):
    return signed_in(bob)


def progress_of(job, count, *, step=1):
    """The job's progress message number `count`."""
    seq = messages.seq_of(job) + count
    return Progress(job=str(job.pk), seq=seq, phase="denoising", step=step, steps=100)


async def tell(user, message):
    await get_channel_layer().group_send(messages.user_group(user.pk), message)


async def tell_progress(job, count, **options):
    message = progress_of(job, count, **options).to_message()
    await tell(job.user, {"type": "live.message", "message": message})


async def show_preview(job, count, jpeg):
    seq = messages.seq_of(job) + count
    await tell(job.user, {"type": "live.preview", "job": str(job.pk), "seq": seq, "jpeg": jpeg})


# Connecting -------------------------------------------------------------------------------------


async def test_visitors_are_refused():
    assert not await Browser().connect()


async def test_a_made_up_session_is_refused(client):
    client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32

    assert not await Browser(client).connect()


async def test_pages_of_other_sites_are_refused(alices):
    assert not await Browser(alices, origin="http://elsewhere.example").connect()


async def test_the_truth_comes_first(alice, alices, open_browser):
    job = await in_thread(submit)(alice)

    browser = await open_browser(alices)

    state = await browser.next()
    assert state["type"] == "jobs.snapshot"
    assert [state["job"] for state in state["jobs"]] == [str(job.pk)]
    assert (
        state["balance_ms"] == await in_thread(lambda: snapshot.user_state(alice)["balance_ms"])()
    )


async def test_who_comes_later_sees_the_newest_preview_at_once(alice, alices, open_browser):
    job = await in_thread(submit_and_claim)(alice)
    await in_thread(latest.keep_previews)({job.pk: (5, b"jpeg")})

    browser = await open_browser(alices)

    await browser.until("jobs.snapshot")
    assert await browser.next() == (job.pk, 5, b"jpeg")


async def test_a_job_in_line_has_no_preview_to_show(alice, alices, open_browser):
    job = await in_thread(submit_and_claim)(alice)
    await in_thread(latest.keep_previews)({job.pk: (5, b"jpeg")})
    await in_thread(jobs.hand_back)(job)

    browser = await open_browser(alices)

    await browser.until("jobs.snapshot")
    assert await browser.hears_nothing()


# Forwarding -------------------------------------------------------------------------------------


async def test_a_jobs_moves_are_told(alice, alices, open_browser):
    browser = await open_browser(alices)
    await browser.until("jobs.snapshot")

    job = await in_thread(submit)(alice)
    queued = await browser.until("job.status")
    claimed = await in_thread(claim)()
    running = await browser.until("job.status")
    await in_thread(finish)(claimed)
    succeeded = await browser.until("job.status")

    told = [queued, running, succeeded]
    assert [each["status"] for each in told] == ["queued", "running", "succeeded"]
    assert {each["job"] for each in told} == {str(job.pk)}
    assert queued["seq"] < running["seq"] < succeeded["seq"]
    assert succeeded["balance_ms"] > running["balance_ms"]


async def test_progress_and_previews_are_forwarded(alice, alices, open_browser):
    job = await in_thread(submit_and_claim)(alice)
    browser = await open_browser(alices)
    await browser.until("jobs.snapshot")

    await tell_progress(job, 1, step=42)
    await show_preview(job, 1, b"jpeg")

    assert await browser.next() == progress_of(job, 1, step=42).to_message()
    assert await browser.next() == (job.pk, messages.seq_of(job) + 1, b"jpeg")


async def test_two_browsers_of_a_user_are_told_the_same(alice, alices, open_browser):
    browsers = [await open_browser(alices), await open_browser(alices)]

    job = await in_thread(submit)(alice)

    for browser in browsers:
        assert (await browser.until("job.status"))["job"] == str(job.pk)


async def test_nothing_of_another_users_jobs_arrives(alice, alices, bob, bobs, open_browser):
    overhearing = await open_browser(bobs)
    await overhearing.until("jobs.snapshot")
    owner = await open_browser(alices)

    job = await in_thread(submit_and_claim)(alice)
    await tell_progress(job, 1)
    await show_preview(job, 1, b"jpeg")
    await in_thread(finish)(job)

    while (await owner.until("job.status"))["status"] != "succeeded":
        pass
    assert await overhearing.hears_nothing()


async def test_what_a_browser_sends_has_no_effect(alice, alices, open_browser):
    browser = await open_browser(alices)
    await browser.until("jobs.snapshot")

    await browser.send(text='{"type": "live.message", "message": {}}')
    await browser.send(bytes=b"\x00" * 1_000)

    job = await in_thread(submit)(alice)
    assert (await browser.until("job.status"))["job"] == str(job.pk)


# Slow readers -----------------------------------------------------------------------------------


def test_an_outbox_keeps_the_newest_of_each_kind_for_each_job():
    outbox = Outbox()

    for number in range(1_000):
        outbox.put("preview", "one", f"preview {number}")
        outbox.put("job.progress", "one", f"progress {number}")
        outbox.put("preview", "two", f"other preview {number}")

    assert outbox.take() == ["preview 999", "progress 999", "other preview 999"]
    assert outbox.take() == []


def test_a_closed_outbox_lets_nobody_wait_even_if_it_is_emptied_just_then():
    outbox = Outbox()
    outbox.put("job.status", "a", "frame")

    outbox.close()
    assert outbox.take() == ["frame"]

    assert outbox.filled.is_set()


async def test_a_slow_reader_gets_the_newest_and_holds_up_nobody(alice, alices, open_browser):
    job = await in_thread(submit_and_claim)(alice)
    slow = await open_browser(alices, slow=True)
    quick = await open_browser(alices)
    await quick.until("jobs.snapshot")

    for count in range(1, 201):
        await show_preview(job, count, b"jpeg")
        await tell_progress(job, count, step=count)
    while (await quick.until("job.progress"))["step"] != 200:
        pass

    taken = []
    while not taken or not isinstance(taken[-1], dict) or taken[-1].get("step") != 200:
        taken.append(await slow.next())
    assert len(taken) < 20
    previews = [each for each in taken if isinstance(each, tuple)]
    assert previews[-1][1] == messages.seq_of(job) + 200


async def test_a_slow_reader_never_misses_how_a_job_ended(alice, alices, open_browser):
    job = await in_thread(submit_and_claim)(alice)
    slow = await open_browser(alices, slow=True)

    for count in range(1, 101):
        await tell_progress(job, count)
    await in_thread(finish)(job)
    for count in range(101, 201):
        await tell_progress(job, count)

    assert (await slow.until("job.status"))["status"] == "succeeded"


async def test_a_reader_that_takes_nothing_is_let_go(alice, alices, open_browser, monkeypatch):
    monkeypatch.setattr(consumer, "STALLED_SECONDS", 0.2)
    job = await in_thread(submit_and_claim)(alice)
    stalled = await open_browser(alices, slow=True)

    await tell_progress(job, 1)
    await asyncio.sleep(1)

    assert await stalled.is_closed()


# Silence ----------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(consumer, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(consumer, "SILENCE_IN_LINE_SECONDS", 0.2)


@pytest.mark.usefixtures("impatient")
async def test_a_lost_message_is_made_good_by_a_snapshot(alice, alices, open_browser, monkeypatch):
    job = await in_thread(submit_and_claim)(alice)
    browser = await open_browser(alices)
    await browser.until("jobs.snapshot")

    monkeypatch.setattr(messages, "job_status", lambda _job: None)
    await in_thread(finish)(job)

    while (await browser.until("jobs.snapshot"))["jobs"]:
        pass


@pytest.mark.usefixtures("impatient")
async def test_a_page_without_active_jobs_is_left_in_peace(alices, open_browser):
    browser = await open_browser(alices)
    await browser.until("jobs.snapshot")

    assert await browser.hears_nothing(seconds=1)


@pytest.mark.usefixtures("impatient")
async def test_a_page_whose_jobs_have_ended_is_left_in_peace(alice, alices, open_browser):
    job = await in_thread(submit_and_claim)(alice)
    browser = await open_browser(alices)
    await in_thread(finish)(job)
    while (await browser.until("job.status"))["status"] != "succeeded":
        pass

    # One snapshot may have been on its way.
    await asyncio.sleep(0.5)
    while not await browser.hears_nothing(seconds=0.01):
        await browser.next()

    assert await browser.hears_nothing(seconds=1)


async def test_a_quiet_socket_shows_that_it_lives(alices, open_browser, impatient, monkeypatch):
    monkeypatch.setattr(consumer, "HEARTBEAT_SECONDS", 0.3)

    browser = await open_browser(alices)

    await browser.until("ping")
    await browser.until("ping")


async def test_who_watches_is_known_as_long_as_the_page_is_open(
    alice, alices, open_browser, monkeypatch
):
    monkeypatch.setattr(latest, "WATCHED_SECONDS", 1)
    monkeypatch.setattr(consumer, "HEARTBEAT_SECONDS", 0.3)
    job = await in_thread(submit_and_claim)(alice)
    browser = await open_browser(alices)

    # Messages without a pause, for longer than WATCHED_SECONDS.
    for count in range(1, 20):
        await tell_progress(job, count)
        await asyncio.sleep(0.1)

    assert await in_thread(latest.watched)([alice.pk]) == {alice.pk}
    await browser.disconnect()
    await asyncio.sleep(1.1)
    assert await in_thread(latest.watched)([alice.pk]) == frozenset()


async def test_where_nothing_is_drawn_nobody_watches_until_something_is(
    alice, alices, open_browser
):
    browser = await open_browser(alices)
    await browser.until("jobs.snapshot")
    assert await browser.hears_nothing()
    assert await in_thread(latest.watched)([alice.pk]) == frozenset()

    await in_thread(submit)(alice)

    await browser.until("job.status")
    await in_thread(wait_for)(lambda: latest.watched([alice.pk]))


@pytest.mark.usefixtures("impatient")
async def test_a_socket_that_cannot_read_the_rows_is_closed_for_the_page_to_come_back(
    alice, alices, open_browser, monkeypatch
):
    await in_thread(submit_and_claim)(alice)
    browser = await open_browser(alices)
    await browser.until("jobs.snapshot")

    def fail(user):
        raise OperationalError("the server is restarting")

    monkeypatch.setattr(snapshot, "user_state", fail)

    assert await browser.is_closed()


# Sessions ---------------------------------------------------------------------------------------


@pytest.fixture
def eager(monkeypatch):
    monkeypatch.setattr(session_watch, "LOOK_SECONDS", 0.2)


def sign_out(client, user):
    client.post(reverse("account_logout"))


def change_password(client, user):
    client.post(
        reverse("account_change_password"),
        {
            "oldpassword": PASSWORD,
            "password1": "a better horse battery",
            "password2": "a better horse battery",
        },
    )


def deactivate(client, user):
    user.is_active = False
    user.save()


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "end", [sign_out, change_password, deactivate], ids=lambda function: function.__name__
)
async def test_a_socket_ends_with_its_session(alice, alices, open_browser, end, monkeypatch):
    monkeypatch.setattr(session_watch, "SESSION_CHECK_SECONDS", 3_600)
    browser = await open_browser(alices)
    await browser.until("jobs.snapshot")

    await in_thread(end)(alices, alice)

    assert await browser.is_closed()


@pytest.mark.usefixtures("eager")
async def test_signing_out_elsewhere_leaves_this_socket_open(alice, alices, open_browser):
    browser = await open_browser(alices)
    await browser.until("jobs.snapshot")
    elsewhere = await in_thread(signed_in)(alice)

    await in_thread(sign_out)(elsewhere, alice)
    await asyncio.sleep(2)
    job = await in_thread(submit)(alice)

    assert (await browser.until("job.status"))["job"] == str(job.pk)


@pytest.mark.usefixtures("eager")
async def test_a_session_that_ended_unnoticed_is_found_out(
    alice, alices, open_browser, monkeypatch
):
    monkeypatch.setattr(session_watch, "SESSION_CHECK_SECONDS", 0.5)
    browser = await open_browser(alices)
    await browser.until("jobs.snapshot")

    # No signal reaches the sockets.
    await in_thread(User.objects.filter(pk=alice.pk).update)(is_active=False)

    assert await browser.is_closed()


# Metrics ----------------------------------------------------------------------------------------


def clients():
    return REGISTRY.get_sample_value("sdsite_websocket_clients")


async def test_browsers_are_counted_while_they_are_connected(alices, open_browser):
    before = clients()

    first, _second = [await open_browser(alices) for _ in range(2)]
    connected = clients()
    await first.disconnect()

    assert (connected - before, clients() - before) == (2, 1)


async def test_visitors_are_not_counted():
    before = clients()

    assert not await Browser().connect()

    assert clients() == before
