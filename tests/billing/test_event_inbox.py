"""Events that come twice, late, in any order, or never."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from billing import event_inbox, ledger, periods, subscriptions
from billing.models import Grant, Interval, Payment, SandboxObject, StripeEvent, Subscription
from billing.plans import PLANS
from billing.providers import sandbox
from billing.providers.objects import ProviderSubscription
from billing.providers.protocol import ProviderUnavailable
from billing.providers.sandbox.objects import Json
from tests.billing import provider
from tests.billing.books import assert_books_balance, balance
from tests.billing.conftest import Clock

pytestmark = pytest.mark.django_db

MONTH = Interval.MONTH
MINUTE = 60_000
# The last day of a long month: where counting months goes wrong.
BEGINNING = datetime(2027, 1, 31, 10, 30, tzinfo=UTC)


def nth(number: int) -> datetime:
    return periods.after(BEGINNING, months=number)


def live_through_a_year(user: User, clock: Clock, *, between: Callable[[], None]) -> None:
    """Nearly everything that can happen to a subscription; `between` is called after each."""
    clock.at = BEGINNING
    sandbox.pay(provider.check_out(user))
    between()
    subscription_id = SandboxObject.objects.get(type="subscription").pk
    gateway = sandbox.SandboxGateway()

    def remote() -> ProviderSubscription:
        return gateway.retrieve_subscription(subscription_id)

    def renew(**how: bool) -> None:
        clock.at = remote().period_end
        sandbox.renew(subscription_id, **how)
        between()

    def last_payment() -> str:
        return gateway.invoices(subscription_id)[0].payment_intent_id

    for _ in range(3):
        renew()
    clock.advance(days=15)
    gateway.change_plan(remote(), PLANS["premium"], MONTH, at=clock.at, idempotency_key="")
    between()
    renew()
    renew(card_works=False)
    clock.advance(days=2)
    sandbox.recover(subscription_id)
    between()
    gateway.schedule_change(remote(), PLANS["standard"], MONTH, idempotency_key="")
    between()
    renew()
    gateway.set_cancel_at_period_end(remote(), cancel=True, idempotency_key="")
    between()
    gateway.set_cancel_at_period_end(remote(), cancel=False, idempotency_key="")
    between()
    renew()
    sandbox.refund(last_payment(), cents=15_00)
    between()
    renew()
    dispute_id = sandbox.dispute(last_payment(), cents=30_00)
    between()
    renew()
    sandbox.settle_dispute(dispute_id, won=True)
    between()
    sandbox.pay(provider.check_out_once(user))
    between()
    renew()
    renew()
    sandbox.refund(last_payment(), cents=30_00)
    between()
    gateway.set_cancel_at_period_end(remote(), cancel=True, idempotency_key="")
    between()
    renew()


ORDERS = [pytest.param(seed, marks=[pytest.mark.slow] if seed >= 10 else []) for seed in range(40)]


@pytest.mark.parametrize("seed", ORDERS)
def test_a_years_events_thrice_in_any_order_end_in_the_same_state(
    alice: User, clock: Clock, seed: int
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
        # Most are late, some by months.
        for _ in range(order.randrange(len(undelivered) + 1) // 2):
            deliver(undelivered.pop())

    live_through_a_year(alice, clock, between=deliver_some)
    while undelivered:
        deliver(undelivered.pop())
    ledger.expire(timezone.now())

    row = Subscription.objects.get(user=alice)
    assert (row.plan, row.status) == ("standard", Subscription.Status.CANCELED)
    assert (row.current_period_start, row.current_period_end) == (nth(11), nth(12))
    payments = Payment.objects.filter(user=alice).order_by("created_at")
    assert [payment.status for payment in payments] == [Payment.Status.PAID] * 14
    assert [payment.product for payment in payments] == [
        *["basic"] * 4,
        *["premium"] * 3,
        *["standard"] * 4,
        "minutes-100",
        *["standard"] * 2,
    ]
    assert [payment.returned_cents for payment in payments if payment.returned_cents] == [
        15_00,
        30_00,
    ]
    grants = Grant.objects.filter(wallet__user=alice)
    # Premium came in the middle of May, for what was left of that month.
    left = nth(4) - nth(3) - timedelta(days=15, minutes=1)
    upgrade = (2_000 - 200) * MINUTE * left.total_seconds() // (nth(4) - nth(3)).total_seconds()
    months = grants.filter(source=Grant.Source.PLAN).order_by("expires_at", "id")
    assert [month.amount for month in months] == [
        *[200 * MINUTE] * 4,
        upgrade,
        *[2_000 * MINUTE] * 2,
        *[900 * MINUTE] * 6,
    ]
    assert [month.rolls_over_at for month in months] == [
        nth(n) for n in (1, 2, 3, 4, 4, *range(5, 13))
    ]
    assert [month.refunded for month in months if month.refunded] == [450 * MINUTE, 900 * MINUTE]
    # Of the last month nothing is left, since it was paid back; what was topped up stays.
    assert balance(alice) == 100 * MINUTE
    assert_books_balance()


def deliver(event: Json) -> None:
    provider.store(event)
    event_inbox.process(event["id"])


def test_an_event_that_fails_keeps_the_reason_and_is_tried_again(
    client: Client, alice: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
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
    assert StripeEvent.objects.ids() == []
    clock.advance(minutes=1)
    assert StripeEvent.objects.ids() == [event["id"]]
    event_inbox.process(event["id"])
    stored.refresh_from_db()
    assert (stored.attempts, stored.error, StripeEvent.objects.ids()) == (2, "", [])
    assert Subscription.objects.get().status == Subscription.Status.ACTIVE
    assert_books_balance()


def test_an_event_that_never_works_is_given_up(client: Client, alice: User) -> None:
    StripeEvent.objects.create(id="evt_1", type="x", payload={}, attempts=StripeEvent.MAX_ATTEMPTS)

    assert StripeEvent.objects.ids() == []


def test_an_event_of_no_interest_is_done_at_once(client: Client) -> None:
    provider.receive(client, {"id": "evt_1", "type": "customer.created", "data": {"object": {}}})

    assert StripeEvent.objects.get().processed_at is not None


def test_news_that_were_read_before_a_write_are_not_written_after_it(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription = provider.subscribe(alice)
    read = sandbox.SandboxGateway.retrieve_subscription
    overtaken = False

    def read_then_be_overtaken(
        self: sandbox.SandboxGateway, subscription_id: str
    ) -> ProviderSubscription:
        nonlocal overtaken
        news = read(self, subscription_id)
        if not overtaken:
            overtaken = True
            self.set_cancel_at_period_end(news, cancel=True, idempotency_key="")
            subscriptions.synchronize(subscription_id)
        return news

    monkeypatch.setattr(sandbox.SandboxGateway, "retrieve_subscription", read_then_be_overtaken)
    subscriptions.synchronize(subscription.provider_subscription_id)

    subscription.refresh_from_db()
    assert subscription.cancel_at_period_end
    assert_books_balance()


def test_an_event_is_due_until_an_attempt_failed_and_then_after_a_pause_that_doubles():
    event = StripeEvent.objects.create(id="evt_1", type="x", payload={})
    first = StripeEvent.objects.ids()
    pauses = []
    for attempts in (1, 2, 3, 20):
        event.attempts = attempts
        event.postpone(error="ValueError: no")
        event.refresh_from_db()
        pauses.append(round((event.retry_at - timezone.now()).total_seconds()))

    assert first == ["evt_1"]
    assert pauses == [15, 30, 60, 3600]
    assert StripeEvent.objects.ids() == []
