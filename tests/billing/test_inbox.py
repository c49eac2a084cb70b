"""Events that come twice, late, in any order or not at all."""

import random
from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from billing import inbox, sandbox, subscriptions
from billing.gateway import ProviderUnavailable
from billing.models import Entry, Grant, SandboxObject, StripeEvent, Subscription
from tests.billing import provider
from tests.billing.books import assert_books_balance
from tests.billing.conftest import Clock

pytestmark = pytest.mark.django_db


def live_through_two_months(user: User, *, between: Callable[[], None] = lambda: None) -> None:
    """Subscribe, renew, fail to renew and recover, ask to cancel; `between` is called after each."""
    checkout_id = provider.check_out(user)
    sandbox.pay(checkout_id)
    between()
    subscription_id = SandboxObject.objects.get(type="subscription").pk
    sandbox.renew(subscription_id)
    between()
    sandbox.renew(subscription_id, card_works=False)
    between()
    sandbox.recover(subscription_id)
    between()
    sandbox.SandboxGateway().set_cancel_at_period_end(
        subscription_id, cancel=True, idempotency_key=""
    )
    between()


def state_of(user: User) -> tuple[object, ...]:
    grants = Grant.objects.filter(wallet__user=user).order_by("expires_at")
    row = Subscription.objects.get(user=user)
    return (
        row.plan,
        row.status,
        row.cancel_at_period_end,
        [(grant.amount, grant.expires_at) for grant in grants],
        row.current_period_end,
        Entry.objects.filter(wallet__user=user).count(),
    )


@pytest.mark.parametrize("seed", range(100))
def test_events_thrice_in_any_order_end_in_the_same_state(
    client: Client, alice: User, clock: Clock, seed: int
) -> None:
    order = random.Random(seed)
    undelivered = []
    known = 0

    def deliver_some() -> None:
        nonlocal known
        clock.advance(minutes=1)
        fresh = provider.events()[known:]
        known += len(fresh)
        undelivered.extend(event for event in fresh for _ in range(3))
        order.shuffle(undelivered)
        for _ in range(order.randrange(len(undelivered) + 1)):
            provider.receive(client, undelivered.pop())

    live_through_two_months(alice, between=deliver_some)
    while undelivered:
        provider.receive(client, undelivered.pop())

    _plan, status, cancels, grants, period_end, entries = state_of(alice)
    assert (status, cancels) == (Subscription.Status.ACTIVE, True)
    assert [amount for amount, _expires_at in grants] == [200 * 60_000] * 3
    assert [expires_at for _amount, expires_at in grants][-1] == period_end
    assert entries == 3
    assert_books_balance()


def test_an_event_that_fails_keeps_the_reason_and_is_tried_again(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.pay(provider.check_out(alice))
    event = provider.events()[0]

    def fail(self: object, subscription_id: str) -> None:
        raise ProviderUnavailable

    with monkeypatch.context() as outage:
        outage.setattr(sandbox.SandboxGateway, "retrieve_subscription", fail)
        with pytest.raises(ProviderUnavailable):
            provider.receive(client, event)

    stored = StripeEvent.objects.get()
    assert stored.error.startswith("ProviderUnavailable")
    assert inbox.waiting() == [event["id"]]
    inbox.process(event["id"])
    stored.refresh_from_db()
    assert (stored.attempts, stored.error, inbox.waiting()) == (2, "", [])
    assert Subscription.objects.get().status == Subscription.Status.ACTIVE
    assert_books_balance()


def test_an_event_that_never_works_is_given_up(client: Client, alice: User) -> None:
    StripeEvent.objects.create(id="evt_1", type="x", payload={}, attempts=inbox.MAX_ATTEMPTS)

    assert inbox.waiting() == []


def test_an_event_of_no_interest_is_done_at_once(client: Client) -> None:
    provider.receive(client, {"id": "evt_1", "type": "customer.created", "data": {"object": {}}})

    assert StripeEvent.objects.get().processed_at is not None


def test_news_that_were_read_before_a_write_are_not_written_after_it(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription = provider.subscribe(alice)
    read = sandbox.SandboxGateway.retrieve_subscription
    overtaken = False

    def read_then_be_overtaken(self: sandbox.SandboxGateway, subscription_id: str) -> object:
        nonlocal overtaken
        news = read(self, subscription_id)
        if not overtaken:
            overtaken = True
            self.set_cancel_at_period_end(subscription_id, cancel=True, idempotency_key="")
            subscriptions.synchronize(subscription_id)
        return news

    monkeypatch.setattr(sandbox.SandboxGateway, "retrieve_subscription", read_then_be_overtaken)
    subscriptions.synchronize(subscription.provider_subscription_id)

    subscription.refresh_from_db()
    assert subscription.cancel_at_period_end
    assert_books_balance()
