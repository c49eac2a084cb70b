import base64
import hashlib
import hmac
import json
from contextlib import contextmanager
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
