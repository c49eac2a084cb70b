"""Outages, timeouts and lost events of Stripe, and concurrent requests."""

import contextlib
import json
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing import checkouts, event_inbox, plan_changes, tasks
from billing.models import CatchUp, Grant, Interval, Payment, StripeEvent, Subscription
from billing.payments import Contended
from billing.plans import PLANS, plan_of
from billing.providers import gateway
from billing.providers.protocol import ProviderUnavailable
from billing.providers.stripe import events as stripe_events
from billing.providers.stripe import signature
from billing.providers.stripe.events import EVENT_TYPES
from tests.billing.books import assert_books_balance, balance
from tests.billing.conftest import Clock
from tests.billing.providers.stripe.conftest import URLS, Life, sign
from tests.billing.providers.stripe.server import FakeStripe

BASIC_MS = 200 * 60_000


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """stripe-python waits between its tries."""
    monkeypatch.setattr("stripe._http_client.HTTPClient._sleep_time_seconds", lambda *_, **__: 0)


@pytest.mark.django_db
def test_no_event_ever_comes_and_the_landing_page_grants(
    life: Life, alice: User, client: Client
) -> None:
    session_id = life.check_out()
    life.account.complete(session_id)
    client.force_login(alice)
    began = time.monotonic()

    response = client.get(f"/billing/success/?checkout={session_id}")

    assert time.monotonic() - began < 5
    assert "Welcome to Basic" in response.text
    assert balance(alice) == BASIC_MS
    assert_books_balance()


@pytest.mark.django_db
def test_what_the_webhook_missed_is_asked_for_and_a_second_time_changes_nothing(
    life: Life, alice: User, clock: Clock
) -> None:
    life.account.complete(life.check_out())
    life.buy("credits-2900")
    life.account.refund(life.last_payment, 29_00)

    missed = event_inbox.catch_up()
    for event_id in StripeEvent.objects.ids():
        event_inbox.process(event_id)

    assert missed == StripeEvent.objects.count() > 0
    assert balance(alice) == BASIC_MS
    assert Payment.objects.get(product="credits-2900").refunded_cents == 29_00
    before = Grant.objects.count(), Payment.objects.count()
    clock.advance(hours=1)
    assert event_inbox.catch_up() == 0
    assert StripeEvent.objects.ids() == []
    assert (Grant.objects.count(), Payment.objects.count()) == before
    assert_books_balance()


@pytest.mark.django_db
def test_only_what_is_new_is_asked_for(life: Life, clock: Clock) -> None:
    life.subscribe()
    event_inbox.catch_up()
    first = CatchUp.objects.get().until
    clock.advance(days=3)

    event_inbox.catch_up()

    assert CatchUp.objects.get().until == clock.at > first


@pytest.mark.django_db
def test_while_stripe_is_away_nothing_changes_and_people_are_told(
    life: Life, stripe: FakeStripe, alice: User, client: Client, quick_retries: None
) -> None:
    life.subscribe()
    client.force_login(alice)
    stripe.is_down = True

    response = client.get("/billing/change/premium/month/", follow=True)
    assert "cannot be reached" in response.text
    response = client.post("/billing/cancel/", follow=True)
    assert "cannot be reached" in response.text
    with pytest.raises(ProviderUnavailable):
        event_inbox.catch_up()

    assert not CatchUp.objects.exists()
    stripe.is_down = False
    assert plan_of(alice) == PLANS["basic"]
    assert not Subscription.objects.get().cancel_at_period_end


@pytest.mark.django_db
def test_an_answer_that_is_lost_is_asked_for_again_under_the_same_key(
    life: Life, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch, quick_retries: None
) -> None:
    life.subscribe()
    answer = stripe.respond
    lost = iter([True])

    def lose_one(method: str, target: str, body: str, headers: object) -> tuple[int, object, bool]:
        answered = answer(method, target, body, headers)
        if method == "POST" and next(lost, False):
            return 500, {"error": {"message": "lost", "type": "api_error"}}, False
        return answered

    monkeypatch.setattr(stripe, "respond", lose_one)

    plan_changes.cancel(life.user)

    updates = [line for line in stripe.log if line.startswith("POST /v1/subscriptions/")]
    assert len(updates) == 2
    assert (
        len([e for e in life.account.events if e["type"] == "customer.subscription.updated"]) == 1
    )


@pytest.mark.django_db(transaction=True)
def test_two_browsers_upgrade_at_once_and_one_change_is_made(
    life: Life, stripe: FakeStripe, alice: User
) -> None:
    life.subscribe()
    tokens = [
        plan_changes.offer(alice, PLANS[plan], Interval.MONTH).token
        for plan in ("standard", "premium", "standard", "premium")
    ]
    together = threading.Barrier(len(tokens))

    def upgrade(token: str) -> bool:
        together.wait()
        try:
            plan_changes.change(alice, token)
        except (plan_changes.OfferExpired, plan_changes.SamePlan):
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(len(tokens)) as pool:
        done = list(pool.map(upgrade, tokens))

    assert sum(done) == 1
    assert Payment.objects.filter(status=Payment.Status.PAID).count() == 2
    assert len(life.account.all("invoice")) == 2
    assert_books_balance()


@pytest.mark.django_db(transaction=True)
def test_events_that_come_at_once_are_one(life: Life, alice: User) -> None:
    life.account.complete(life.check_out())
    events = [event for event in life.account.events if event["type"] in EVENT_TYPES] * 4
    for event in events:
        event_inbox.store(stripe_events.from_json(event))

    def process(event_id: str) -> None:
        # Who is overtaken again and again is tried again later.
        with contextlib.suppress(Contended):
            event_inbox.process(event_id)
        connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(process, [event["id"] for event in events]))
    for event in events:
        event_inbox.process(event["id"])

    assert balance(alice) == BASIC_MS
    assert Payment.objects.count() == 1
    assert_books_balance()


@pytest.mark.django_db(transaction=True)
def test_an_event_that_stripe_posts_over_http_is_stored_and_rings(
    life: Life, alice: User, live_server: LiveServer
) -> None:
    life.account.complete(life.check_out())
    event = next(e for e in life.account.events if e["type"] == "checkout.session.completed")
    payload = json.dumps(event).encode()
    request = urllib.request.Request(  # noqa: S310  # a loopback address
        f"{live_server.url}/billing/webhook/",
        data=payload,
        headers={
            "Content-Type": "application/json",
            signature.HEADER: sign(payload),
        },
    )

    with urllib.request.urlopen(request) as response:  # noqa: S310  # same
        assert response.status == 200

    assert StripeEvent.objects.ids() == [event["id"]]
    tasks.process_event(event["id"])
    assert balance(alice) == BASIC_MS


@pytest.mark.django_db
def test_a_key_cannot_be_used_for_something_else(life: Life, alice: User) -> None:
    """The fake is as strict as Stripe, so that our keys are tested by it."""
    life.subscribe()

    def check_out(plan: str) -> str:
        return gateway().create_checkout(
            alice,
            PLANS[plan],
            Interval.MONTH,
            customer_id=life.customer["id"],
            urls=URLS,
            idempotency_key="the same",
        )

    assert check_out("basic") == check_out("basic")
    with pytest.raises(ProviderUnavailable) as refusal:
        check_out("premium")
    assert "same parameters" in str(refusal.value.__cause__)


@pytest.mark.django_db
def test_an_unknown_checkout_is_none(life: Life) -> None:
    assert gateway().retrieve_checkout("cs_unknown") is None
    with pytest.raises(checkouts.NoSuchCheckout):
        checkouts.complete(life.user, checkout_id="cs_unknown")
