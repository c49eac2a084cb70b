import base64
import hashlib
import hmac
import ipaddress
import json
import socket
import threading
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from django.db.models.functions import Now

from generation import jobs
from generation.api import outbound_http, webhooks
from generation.models.api import Delivery
from tests.generation.api.callers import WISH
from tests.generation.carrying import CHARGES, PICTURE

pytestmark = pytest.mark.django_db


class Receiver:
    """A webhook endpoint, and the requests that it received."""

    def __init__(self):
        self.told = []
        self.answers = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # the library's name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.told.append((dict(self.headers), body))
                self.send_response(receiver.answers)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/told?by=us"


@contextmanager
def listening():
    receiver = Receiver()
    thread = Thread(target=receiver.server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()


@pytest.fixture
def receiver():
    with listening() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def _on_this_machine(settings):
    settings.WEBHOOKS_TO_PRIVATE_ADDRESSES = True


def finish(caller, url):
    response = caller.post("/api/v1/jobs", {**WISH, "webhook_url": url})
    assert response.status_code == 202, response.content
    jobs.finish(jobs.claim(worker="machine:1"), [PICTURE], CHARGES)
    return Delivery.objects.get()


def make_due():
    Delivery.objects.update(due_at=Now())


def test_the_end_of_a_job_is_told_and_signed(caller, receiver):
    delivery = finish(caller, receiver.url)

    assert webhooks.deliver(str(delivery.pk))

    headers, body = receiver.told[0]
    told = json.loads(body)
    assert (told["type"], told["data"]["status"]) == ("job.succeeded", "succeeded")
    assert told["data"]["pictures"][0]["url"].startswith("http")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    secret = base64.b64decode(caller.key.webhook_secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    delivery.refresh_from_db()
    assert (delivery.status, delivery.answer) == (Delivery.Status.DELIVERED, 200)


def test_it_is_told_once(caller, receiver):
    delivery = finish(caller, receiver.url)

    assert webhooks.deliver(str(delivery.pk))
    assert not webhooks.deliver(str(delivery.pk))

    assert len(receiver.told) == 1


@pytest.mark.parametrize("answer", [301, 404, 500])
def test_any_other_answer_is_tried_again_later(caller, receiver, answer):
    receiver.answers = answer
    delivery = finish(caller, receiver.url)

    assert not webhooks.deliver(str(delivery.pk))

    assert len(receiver.told) == 1
    assert Delivery.objects.ids() == []
    delivery.refresh_from_db()
    assert (delivery.status, delivery.answer, delivery.attempts) == ("waiting", answer, 1)
    receiver.answers = 204
    make_due()
    assert Delivery.objects.ids() == [str(delivery.pk)]
    assert webhooks.deliver(str(delivery.pk))


def test_the_waits_grow_and_end(caller, receiver):
    receiver.answers = 500
    delivery = finish(caller, receiver.url)
    waits = []
    for _attempt in range(Delivery.MAX_ATTEMPTS):
        make_due()
        before = Delivery.objects.get().due_at
        webhooks.deliver(str(delivery.pk))
        waits.append(Delivery.objects.get().due_at - before)

    assert timedelta(seconds=9) < waits[0] < timedelta(seconds=15)
    assert waits[1] > waits[0]
    assert max(waits) < Delivery.LONGEST_RETRY + timedelta(seconds=5)
    assert Delivery.objects.get().status == Delivery.Status.FAILED
    make_due()
    assert Delivery.objects.ids() == []


def test_one_whose_last_worker_died_is_closed_by_the_next(caller, receiver):
    receiver.answers = 500
    delivery = finish(caller, receiver.url)
    Delivery.objects.update(attempts=Delivery.MAX_ATTEMPTS)

    assert Delivery.objects.ids() == [str(delivery.pk)]
    assert not webhooks.deliver(str(delivery.pk))

    assert Delivery.objects.get().status == Delivery.Status.FAILED


def test_nobody_there_is_no_reason_to_fail(caller):
    with listening() as gone:
        url = gone.url
    delivery = finish(caller, url)

    assert not webhooks.deliver(str(delivery.pk))

    delivery.refresh_from_db()
    assert (delivery.status, delivery.answer) == ("waiting", None)
    assert delivery.error


def test_a_failure_is_told_too(caller, receiver):
    caller.post("/api/v1/jobs", {**WISH, "webhook_url": receiver.url})
    jobs.fail(jobs.claim(worker="machine:1"), code="nan", message="No picture.")

    assert Delivery.objects.get().event == "job.failed"


def test_who_names_no_address_is_told_nothing(caller):
    caller.post("/api/v1/jobs", WISH)
    jobs.finish(jobs.claim(worker="machine:1"), [PICTURE], CHARGES)

    assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "https://",
        "https://[",
        "https://exa mple.com",
        "javascript:alert(1)",
        "https://example.com:notaport/",
        "https://a..b/",
        f"https://{'a' * 64}.example.com/",
        "https://example.com/\r\nX: y",
    ],
)
def test_what_is_no_address_is_refused_and_nothing_is_held(caller, url):
    response = caller.post("/api/v1/jobs", {**WISH, "webhook_url": url})

    assert response.status_code == 422
    assert "webhook_url" in response.json()["errors"]
    assert caller.get("/api/v1/balance").json()["credits"]["held"] == 0


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]"]
)
def test_addresses_inside_the_house_are_never_called(settings, host):
    settings.WEBHOOKS_TO_PRIVATE_ADDRESSES = False

    with pytest.raises(outbound_http.NotReached):
        outbound_http.post(f"https://{host}/", b"", {})


def test_without_https_nothing_is_sent_outside_of_development(settings):
    settings.WEBHOOKS_TO_PRIVATE_ADDRESSES = False

    with pytest.raises(outbound_http.UnfitAddress):
        outbound_http.require_fit("http://example.com/")


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "192.88.99.1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:0:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001:0:7f00:1::",
        "fec0::1",
        "fd00::1",
        "fe80::1",
        "ff02::1",
        "224.0.0.1",
        "3fff::1",
        "5f00::1",
        "::",
    ],
)
def test_an_address_of_the_house_is_known_in_every_form(address):
    assert not outbound_http.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8", "2002:808:808::1"],
)
def test_an_address_of_the_internet_may_be_called(address):
    assert outbound_http.is_public(ipaddress.ip_address(address))


def test_what_a_name_leads_to_is_looked_at(settings, monkeypatch):
    """A resolver that gives an outer address first and an inner one beside it."""
    settings.WEBHOOKS_TO_PRIVATE_ADDRESSES = False
    found = [(0, 0, 0, "", (each, 443)) for each in ("8.8.8.8", "64:ff9b::a00:1")]
    monkeypatch.setattr(outbound_http.socket, "getaddrinfo", lambda *_args, **_options: found)

    with pytest.raises(outbound_http.NotReached, match="not on the internet"):
        outbound_http.post("https://example.com/", b"", {})


def test_a_resolver_that_does_not_answer_is_given_up_at_the_deadline(monkeypatch):
    monkeypatch.setattr(outbound_http, "SECONDS", 0.1)
    is_over, answered = threading.Event(), threading.Event()

    def resolve(*_args, **_options):
        is_over.wait(60)
        answered.set()
        raise OSError("no answer")

    monkeypatch.setattr(outbound_http.socket, "getaddrinfo", resolve)

    with pytest.raises(outbound_http.NotReached, match="timed out"):
        outbound_http.post("https://example.com/", b"", {})

    assert not answered.is_set()
    is_over.set()
    assert answered.wait(60)


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
def test_a_host_that_cannot_be_encoded_is_given_up(caller, receiver, host):
    """Rows of before it was refused."""
    delivery = finish(caller, receiver.url)
    Delivery.objects.update(url=f"https://{host}/", attempts=Delivery.MAX_ATTEMPTS - 1)

    assert not webhooks.deliver(str(delivery.pk))

    assert Delivery.objects.get().status == Delivery.Status.FAILED


@contextmanager
def dripping(start, drop):
    """The host of a receiver that says `start`, then `drop` again and again, and if it was heard to the end.

    It ends after half a minute, or a caller without a deadline would stay for ever.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        is_over, was_heard_out = threading.Event(), threading.Event()

        def drip():
            connection, _address = server.accept()
            with connection, suppress(OSError):
                connection.sendall(start)
                for _drop in range(1_500):
                    if is_over.wait(0.02):
                        return
                    connection.sendall(drop)
                was_heard_out.set()

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}", was_heard_out
        finally:
            is_over.set()
            thread.join()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"H", b""),
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"\x16\x03\x03\x40\x00", b"x"),
    ],
    ids=["silent", "status", "header", "headers", "continue", "handshake"],
)
def test_a_receiver_that_drips_is_cut_off_at_one_deadline(monkeypatch, scheme, start, drop):
    monkeypatch.setattr(outbound_http, "SECONDS", 0.3)

    with dripping(start, drop) as (host, was_heard_out):
        with pytest.raises(outbound_http.NotReached):
            outbound_http.post(f"{scheme}://{host}/", b"{}", {})

        assert not was_heard_out.is_set()
