"""Grants of payments, and their return after refunds and disputes."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.dispatch import Signal

from accounts.models import User
from billing import ledger, payments, periods, plan_changes, signals, subscriptions
from billing.models import Customer, Entry, Grant, Interval, Payment, Unit
from billing.providers import sandbox
from tests.billing import provider
from tests.billing.books import assert_books_balance, balance
from tests.billing.conftest import Clock, Told

pytestmark = pytest.mark.django_db

MINUTE = 60_000
BASIC_MS = 200 * MINUTE


def spend(user: User, amount: int, *, unit: Unit = Unit.GPU_MS, reference: str = "job:1") -> None:
    ledger.hold(user, unit=unit, amount=amount, reference=reference)
    ledger.capture(reference, amount=amount)


def test_a_yearly_plan_brings_its_minutes_month_by_month(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice, interval=Interval.YEAR)
    begun = clock.at

    amounts = []
    for month in range(13):
        # A task that is a day late, and one that runs twice.
        clock.at = periods.after(begun, months=month) + timedelta(days=1)
        payments.grant_due_months()
        payments.grant_due_months()
        amounts.append(Grant.objects.count())

    assert amounts == [1, *range(2, 13), 12]
    assert {grant.amount for grant in Grant.objects.all()} == {BASIC_MS}
    ends = [grant.rolls_over_at for grant in Grant.objects.order_by("id")]
    assert ends == [periods.after(begun, months=month) for month in range(1, 13)]
    assert ends[-1] == subscription.current_period_end
    assert_books_balance()


def test_months_that_were_missed_are_made_up_for_and_expire_as_if_they_had_not_been(
    alice: User, clock: Clock
) -> None:
    provider.subscribe(alice, interval=Interval.YEAR)
    clock.at = periods.after(clock.at, months=4) + timedelta(days=1)

    payments.grant_due_months()

    assert Grant.objects.count() == 5
    # This month's, and what is left of the last one's.
    assert balance(alice) == 2 * BASIC_MS
    assert_books_balance()


def test_two_tasks_at_once_grant_a_month_once(alice: User, clock: Clock) -> None:
    provider.subscribe(alice, interval=Interval.YEAR)
    clock.at = periods.after(clock.at, months=1)
    payment = Payment.objects.get()

    # Both read that it is due before either writes.
    payments.grant_due_months()
    Payment.objects.filter(pk=payment.pk).update(
        grants_given=payment.grants_given, next_month_at=payment.next_month_at
    )
    payments.grant_due_months()

    assert Grant.objects.count() == 2
    assert balance(alice) == 2 * BASIC_MS
    assert_books_balance()


def test_a_yearly_plan_that_was_ended_brings_no_more_months(alice: User, clock: Clock) -> None:
    provider.subscribe(alice, interval=Interval.YEAR)
    clock.advance(days=40)
    payments.grant_due_months()

    plan_changes.end(alice)
    clock.advance(days=200)
    payments.grant_due_months()

    assert Grant.objects.count() == 2


def test_each_payment_is_told_once(alice: User, listen: Callable[[Signal], Told]) -> None:
    told = listen(signals.invoice_paid)
    subscription = provider.subscribe(alice)

    for _ in range(3):
        subscriptions.synchronize(subscription.provider_subscription_id)

    assert [said["user"] for said in told] == [alice]


def test_each_failed_try_of_the_card_is_told_once(
    alice: User, clock: Clock, listen: Callable[[Signal], Told]
) -> None:
    told = listen(signals.renewal_failed)
    subscription = provider.subscribe(alice)
    customer = Customer.objects.get(user=alice)
    sandbox.use_card(customer.provider_customer_id, sandbox.Card.DECLINE)
    clock.at = subscription.current_period_end

    for _ in range(3):
        sandbox.renew_due()
        for _ in range(2):
            subscriptions.synchronize(subscription.provider_subscription_id)
        clock.advance(days=3)

    assert len(told) == 2
    assert all(said["user"] == alice for said in told)


def test_a_refund_takes_back_what_is_unspent(alice: User) -> None:
    provider.subscribe(alice)
    spend(alice, 50 * MINUTE)
    payment = Payment.objects.get()
    sandbox.refund(payment.payment_intent_id, cents=payment.cents)

    for _ in range(3):
        payments.synchronize(payment.payment_intent_id)

    assert balance(alice) == 0
    entry = Entry.objects.get(kind=Entry.Kind.REFUND)
    assert entry.amount == -150 * MINUTE
    assert entry.note == f"The payment was refunded: {payment.reference}"
    payment.refresh_from_db()
    assert payment.returned_cents == payment.cents
    assert_books_balance()


def test_a_refund_in_parts_takes_back_in_parts(alice: User) -> None:
    provider.subscribe(alice)
    payment = Payment.objects.get()

    balances = []
    for cents in (2_50, 5_00, 2_50):
        sandbox.refund(payment.payment_intent_id, cents=cents)
        payments.synchronize(payment.payment_intent_id)
        balances.append(balance(alice))

    assert balances == [150 * MINUTE, 50 * MINUTE, 0]
    assert_books_balance()


def test_a_refund_never_takes_what_other_payments_gave_or_what_is_held(alice: User) -> None:
    provider.subscribe(alice)
    bought = provider.buy(alice, "minutes-100")
    ledger.hold(alice, unit=Unit.GPU_MS, amount=250 * MINUTE, reference="job:1")
    sandbox.refund(bought.payment_intent_id, cents=bought.cents)

    payments.synchronize(bought.payment_intent_id)

    # The hold needs 50 of the 100 minutes.
    assert balance(alice) == 0
    assert ledger.capture("job:1", amount=250 * MINUTE) == 250 * MINUTE
    assert_books_balance()


def test_credits_are_taken_back_like_minutes(alice: User) -> None:
    payment = provider.buy(alice, "credits-2900")
    spend(alice, 900_000, unit=Unit.CREDITS)
    sandbox.refund(payment.payment_intent_id, cents=payment.cents)

    payments.synchronize(payment.payment_intent_id)

    assert ledger.available(alice, Unit.CREDITS) == 0
    assert_books_balance()


def test_a_dispute_takes_back_and_winning_it_gives_back(alice: User) -> None:
    payment = provider.buy(alice, "minutes-100")
    spend(alice, 30 * MINUTE)
    dispute_id = sandbox.dispute(payment.payment_intent_id, cents=payment.cents)
    payments.synchronize(payment.payment_intent_id)
    assert balance(alice) == 0

    sandbox.settle_dispute(dispute_id, won=True)
    for _ in range(2):
        payments.synchronize(payment.payment_intent_id)

    assert balance(alice) == 70 * MINUTE
    notes = (
        Entry.objects.filter(kind=Entry.Kind.REFUND).order_by("id").values_list("note", flat=True)
    )
    assert [note.split(":")[0] for note in notes] == [
        "The payment is disputed",
        "The dispute was won",
    ]
    assert_books_balance()


def test_a_dispute_that_is_lost_stays_taken_back(alice: User) -> None:
    payment = provider.buy(alice, "minutes-100")
    dispute_id = sandbox.dispute(payment.payment_intent_id, cents=payment.cents)
    sandbox.settle_dispute(dispute_id, won=False)

    payments.synchronize(payment.payment_intent_id)

    assert balance(alice) == 0
    assert_books_balance()


def test_a_year_that_was_refunded_brings_no_more_months(alice: User, clock: Clock) -> None:
    provider.subscribe(alice, interval=Interval.YEAR)
    payment = Payment.objects.get()
    sandbox.refund(payment.payment_intent_id, cents=payment.cents)
    payments.synchronize(payment.payment_intent_id)

    clock.advance(days=100)
    payments.grant_due_months()

    assert balance(alice) == 0
    assert Grant.objects.count() == 1
    assert_books_balance()


def test_of_a_year_that_was_refunded_in_part_each_month_brings_its_part(
    alice: User, clock: Clock
) -> None:
    provider.subscribe(alice, interval=Interval.YEAR)
    payment = Payment.objects.get()
    sandbox.refund(payment.payment_intent_id, cents=payment.cents // 2)
    payments.synchronize(payment.payment_intent_id)

    clock.at = periods.after(clock.at, months=1)
    payments.grant_due_months()

    assert balance(alice) == 2 * BASIC_MS // 2
    assert_books_balance()


def test_what_was_read_of_a_refund_before_another_is_not_written_after_it(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = provider.buy(alice, "minutes-100")
    read = sandbox.SandboxGateway.returned
    overtaken = False

    def read_then_be_overtaken(self: sandbox.SandboxGateway, payment_intent_id: str) -> object:
        nonlocal overtaken
        news = read(self, payment_intent_id)
        if not overtaken:
            overtaken = True
            sandbox.refund(payment_intent_id, cents=payment.cents)
            payments.synchronize(payment_intent_id)
        return news

    monkeypatch.setattr(sandbox.SandboxGateway, "returned", read_then_be_overtaken)
    payments.synchronize(payment.payment_intent_id)

    assert balance(alice) == 0
    assert_books_balance()


def test_a_payment_that_nobody_knows_of_changes_nothing(alice: User) -> None:
    payments.synchronize("pi_unknown")

    assert not Payment.objects.exists()
