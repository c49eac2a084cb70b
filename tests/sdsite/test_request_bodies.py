"""Bodies that are too large, too slow or a stranger's are cut off before the view."""

import asyncio
from dataclasses import dataclass, field

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError
from django.urls import reverse

from accounts import body_sizes, keys
from generation.api import auth
from generation.images import uploads
from generation.studio import tool_views
from sdsite import request_bodies
from sdsite.asgi import application
from sdsite.request_bodies import LimitBodies
from tests.generation.api.callers import Caller

pytestmark = pytest.mark.django_db

CHUNK = b"\0" * 64 * 2**10
MEGABYTE = 2**20


@dataclass
class Exchange:
    """A request to an ASGI application, whose body comes in chunks; and its response."""

    path: str
    num_bytes: int
    headers: dict = field(default_factory=dict)
    ends: bool = True
    taken: int = 0
    is_over: bool = False
    status: int = 0
    answered: dict = field(default_factory=dict)
    body: bytes = b""

    def to(self, app):
        scope = {
            "type": "http",
            "method": "POST",
            "path": self.path,
            "query_string": b"",
            "http_version": "1.1",
            "headers": [
                (name.lower().encode(), value.encode())
                for name, value in {
                    "host": "127.0.0.1",
                    "content-type": "application/octet-stream",
                    **(
                        {} if "content-length" in self.headers else {"transfer-encoding": "chunked"}
                    ),
                    **self.headers,
                }.items()
            ],
        }
        async_to_sync(app)(scope, self.receive, self.send)
        return self

    async def receive(self):
        # As a server does: other tasks have their turn between two messages.
        await asyncio.sleep(0)
        if self.is_over:
            await asyncio.Event().wait()
        chunk = CHUNK[: self.num_bytes - self.taken]
        self.taken += len(chunk)
        self.is_over = self.taken == self.num_bytes
        is_last = self.ends and self.is_over
        return {"type": "http.request", "body": chunk, "more_body": not is_last}

    async def send(self, message):
        if message["type"] == "http.response.start":
            self.status, self.answered = message["status"], dict(message["headers"])
        else:
            self.body += message.get("body", b"")


class Reader:
    """Stands for Django: takes a body until its end."""

    def __init__(self):
        self.num_bytes = 0

    async def __call__(self, scope, receive, send):
        more = True
        while more:
            message = await receive()
            self.num_bytes += len(message["body"])
            more = message["more_body"]


def read(exchange):
    """The bytes that reach Django."""
    reader = Reader()
    exchange.to(LimitBodies(reader))
    return reader.num_bytes


@pytest.fixture
def program(client, bob):
    return Caller(client, bob)


PAGES = {
    "account_login": 2 * MEGABYTE,
    "billing:webhook": 512 * 1024,
    "detect": uploads.MAX_BYTES + body_sizes.BESIDE_FILES,
    "upload": 2 * uploads.MAX_BYTES + body_sizes.BESIDE_FILES,
    "read_picture": tool_views.MAX_READ_BYTES + body_sizes.BESIDE_FILES,
    "studio": 3 * uploads.MAX_BYTES + body_sizes.BESIDE_FILES,
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_reads_up_to_its_limit_and_no_further(page):
    limit = PAGES[page]

    assert read(Exchange(reverse(page), limit)) == limit
    assert read(Exchange(reverse(page), limit + 100 * MEGABYTE)) <= limit


API = {
    "/api/v1/jobs": auth.MAX_BYTES,
    "/mcp": auth.MAX_BYTES,
    "/sdapi/v1/txt2img": auth.MAX_BYTES,
    "/v1/images/edits": auth.MAX_BYTES,
    "/v1/generation/sketchbook/text-to-image": 10 * MEGABYTE,
    "/v2beta/stable-image/generate/core": 10 * MEGABYTE,
}


@pytest.mark.parametrize("path", API)
def test_an_api_format_reads_up_to_its_limit_and_no_further(program, path):
    whole = Exchange(path, API[path], program.headers)
    more = Exchange(path, API[path] + 100 * MEGABYTE, program.headers)

    assert read(whole) == API[path]
    assert read(more) <= API[path]


def test_a_key_in_the_path_is_a_key(program):
    path = f"/a1111/{program.secret}/sdapi/v1/txt2img"

    assert read(Exchange(path, MEGABYTE)) == MEGABYTE


@pytest.mark.parametrize("path", API)
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer sk-unknown"}], ids=str)
def test_of_a_stranger_next_to_nothing_is_read(path, headers):
    assert read(Exchange(path, 100 * MEGABYTE, headers)) <= request_bodies.STRANGERS_BYTES


def test_a_stranger_hears_why_a_small_request_fails():
    assert Exchange("/sdapi/v1/txt2img", 1_000).to(application).status == 401


def test_while_no_key_can_be_looked_up_a_large_body_waits_for_later(program, monkeypatch):
    def fail(secret):
        raise OperationalError("away")

    monkeypatch.setattr(keys, "find", fail)

    exchange = Exchange("/sdapi/v1/txt2img", MEGABYTE, program.headers).to(application)

    assert (exchange.status, exchange.answered.get(b"Retry-After")) == (503, b"5")


@pytest.mark.parametrize("path", API)
def test_a_body_that_is_said_to_be_too_large_is_not_begun(program, path):
    declared = {"content-length": str(API[path] + 1)}
    exchange = Exchange(path, API[path] + 1, {**program.headers, **declared})

    assert read(exchange) == exchange.taken == 0


def test_a_client_that_asks_before_it_sends_is_refused_first(program):
    """A server answers `Expect: 100-continue` with the first read, also if only a disconnect is looked for."""
    size = {"content-length": str(100 * MEGABYTE), "expect": "100-continue"}
    exchange = Exchange("/sdapi/v1/txt2img", 100 * MEGABYTE, {**program.headers, **size})
    taken = []

    async def refuse(scope, receive, send):
        await receive()
        until_disconnected = asyncio.create_task(receive())
        for _turn in range(10):
            await asyncio.sleep(0)
        taken.append(exchange.taken)
        await send({"type": "http.response.start", "status": 413, "headers": []})
        for _turn in range(10):
            await asyncio.sleep(0)
        taken.append(exchange.taken)
        until_disconnected.cancel()

    exchange.to(LimitBodies(refuse))

    assert taken[0] == 0
    assert taken[1] > 0


def test_an_unknown_page_reads_little():
    assert read(Exchange("/nowhere/", 100 * MEGABYTE)) <= 2 * MEGABYTE


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/accounts/login/", 413),
        ("/sdapi/v1/txt2img", 413),
        ("/v2beta/stable-image/generate/core", 413),
        ("/api/v1/uploads", 413),
        ("/nowhere/", 413),
    ],
)
def test_the_response_says_that_it_is_too_large(program, path, status):
    exchange = Exchange(path, 40 * MEGABYTE, program.headers).to(application)

    assert exchange.status == status
    assert exchange.answered[b"connection"] == b"close"


def test_a_strangers_large_body_is_answered_like_a_small_one():
    exchange = Exchange("/sdapi/v1/txt2img", 40 * MEGABYTE).to(application)

    assert (exchange.status, exchange.answered[b"connection"]) == (401, b"close")


@pytest.mark.parametrize("path", ["/accounts/login/", "/sdapi/v1/txt2img", "/detect/"])
def test_a_body_that_stops_coming_is_cut_off(program, monkeypatch, path):
    monkeypatch.setattr(request_bodies, "BODY_SECONDS", 0.1)
    monkeypatch.setattr(request_bodies, "LINGER_SECONDS", 0.1)

    exchange = Exchange(path, 10, program.headers, ends=False).to(application)

    assert (exchange.status, exchange.answered[b"connection"]) == (408, b"close")


def test_a_request_without_a_body_is_let_through(client):
    assert Exchange("/healthz", 0, {"content-length": "0"}).to(application).status == 200
