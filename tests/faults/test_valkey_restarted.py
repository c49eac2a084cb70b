"""Valkey dies in the middle of a job and comes back empty."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from generation import jobs
from generation.models import Job, Speed, Status
from tests import chromium
from tests.generation.books import assert_books_balance
from tests.generation.rows import make_request
from tests.running import wait_for
from tests.valkey import Valkey

PATIENCE_MS = 120_000


@pytest.fixture
def valkey():
    with Valkey() as valkey:
        yield valkey


@pytest.fixture
def site(start_site, valkey):
    # No run may exceed its budget, even on a slow machine.
    Speed.objects.create(
        checkpoint="sketchbook", device="slow", ms_per_step_megapixel=50_000, overhead_ms=1_000
    )
    return start_site(REDIS_URL=valkey.url)


@pytest.fixture
def session(site, alice):
    """The session cookie that signs Alice in."""
    client = Client()
    client.force_login(alice)
    name = f"{settings.SESSION_COOKIE_NAME}_{site.port}"
    return name, client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def page(site, session):
    name, value = session
    with chromium.running() as browser, browser.new_context(base_url=site.url) as context:
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies([{"name": name, "value": value, "url": site.url}])
        yield context.new_page()


class Listener:
    """A page's websocket client, which reconnects whenever the connection closes."""

    def __init__(self, site, session):
        self.messages = []
        self._url = f"ws://127.0.0.1:{site.port}/ws/jobs/"
        self._headers = {"Origin": site.url, "Cookie": "=".join(session)}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self):
        while not self._is_over.is_set():
            try:
                with connect(self._url, additional_headers=self._headers) as socket:
                    self._receive_from(socket)
            except (ConnectionClosed, OSError):
                time.sleep(0.2)

    def _receive_from(self, socket):
        while not self._is_over.is_set():
            try:
                frame = socket.recv(timeout=0.2)
            except TimeoutError:
                continue
            if isinstance(frame, str):
                self.messages.append(json.loads(frame))

    def close(self):
        self._is_over.set()
        self._thread.join()

    def latest_snapshot(self):
        """The active jobs' ids from the latest snapshot; None before the first."""
        for message in reversed(self.messages):
            if message["type"] == "jobs.snapshot":
                return [state["job"] for state in message["jobs"]]
        return None

    def steps(self, job):
        """The steps of the job that the client has received."""
        told = [m for m in self.messages if m["type"] == "job.progress" and m["job"] == str(job.pk)]
        return max((message["step"] for message in told), default=0)

    def knows_the_end_of(self, job):
        told = [m for m in self.messages if m["type"] == "job.status" and m["job"] == str(job.pk)]
        has_ended = any(message["status"] == "succeeded" for message in told)
        return has_ended or str(job.pk) not in self.latest_snapshot()


@pytest.fixture
def listener(site, session):
    listener = Listener(site, session)
    yield listener
    listener.close()


def submit(user, **values):
    """Submit a job whose message no worker gets: it goes to the tests' own Valkey."""

    def submit_apart():
        try:
            return jobs.submit(user, make_request(**values))
        finally:
            connection.close()

    # Outside of Playwright's loop: hints are sent in their own.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(submit_apart).result()


def test_jobs_go_on_and_pages_catch_up(alice, valkey, site, listener, page):
    page.goto("/studio/")
    page.get_by_label("What should the picture show?").fill("a white boat by the sea")
    page.get_by_text("More settings").click()
    page.get_by_label("Steps", exact=True).fill("100")
    page.get_by_role("button", name="Make the picture").click()
    job = Job.objects.get()
    wait_for(lambda: listener.steps(job) >= 3)
    assert Job.objects.get().status == Status.RUNNING

    valkey.kill()
    second = submit(alice)
    time.sleep(1)
    valkey.start()

    card = page.locator("[data-card]")
    expect(card).to_have_attribute("data-status", "succeeded", timeout=PATIENCE_MS)
    wait_for(lambda: listener.knows_the_end_of(job))
    wait_for(lambda: not Job.objects.active().exists())
    for each in (job, second):
        each.refresh_from_db()
        assert (each.status, each.attempt, each.images.count()) == (Status.SUCCEEDED, 1, 1)
    assert_books_balance()

    # Later events arrive as they happen again.
    third = submit(alice, num_inference_steps=100)
    wait_for(lambda: listener.steps(third) > 0)
