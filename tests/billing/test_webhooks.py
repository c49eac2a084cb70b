import json
import time

import pytest
from django.test import Client
from django.urls import reverse

from billing import webhooks
from billing.models import StripeEvent
from tests.billing import provider

pytestmark = pytest.mark.django_db

EVENT = json.dumps({"id": "evt_1", "type": "invoice.paid", "data": {"object": {}}}).encode()


def test_a_signed_event_is_stored(client: Client) -> None:
    assert provider.post(client, EVENT) == 200

    event = StripeEvent.objects.get()
    assert (event.id, event.type, event.payload) == ("evt_1", "invoice.paid", json.loads(EVENT))
    assert event.processed_at is None


def test_an_event_is_stored_once(client: Client) -> None:
    assert [provider.post(client, EVENT) for _ in range(3)] == [200] * 3

    assert StripeEvent.objects.count() == 1


def test_an_event_rings_the_task_once_it_is_committed(
    client: Client, django_capture_on_commit_callbacks: pytest.FixtureRequest
) -> None:
    with django_capture_on_commit_callbacks() as bells:
        provider.post(client, EVENT)

    assert len(bells) == 1


def test_a_forged_event_is_refused(client: Client) -> None:
    assert provider.post(client, EVENT, header=f"t={int(time.time())},v1={'0' * 64}") == 400
    assert provider.post(client, EVENT, header="") == 400

    assert not StripeEvent.objects.exists()


def test_a_stale_event_is_refused(client: Client) -> None:
    header = provider.sign(EVENT, at=time.time() - 301)

    assert provider.post(client, EVENT, header=header) == 400
    assert not StripeEvent.objects.exists()


def test_an_oversized_event_is_refused(client: Client) -> None:
    event = json.dumps({"id": "evt_1", "type": "x", "padding": "x" * webhooks.MAX_BYTES}).encode()

    assert provider.post(client, event) == 400
    assert not StripeEvent.objects.exists()


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b"[]", b"{}", b'{"id": 1, "type": "x"}'])
def test_a_signed_payload_that_is_no_event_is_refused(client: Client, payload: bytes) -> None:
    assert provider.post(client, payload) == 400
    assert not StripeEvent.objects.exists()


def test_the_webhook_is_for_posts(client: Client) -> None:
    assert client.get(reverse("billing:webhook")).status_code == 405
