"""Clock steps, two beats at once, and repeated tasks: everything happens once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts.models import User
from billing import event_inbox, ledger, payments, periods, tasks
from billing.models import Entry, Grant, Interval, Payment, StripeEvent
from billing.providers import sandbox
from tests.billing import provider
from tests.billing.books import assert_books_balance, balance
from tests.billing.conftest import Clock

pytestmark = pytest.mark.django_db(transaction=True)

MONTH_MS = 200 * 60_000


def twice_at_once(task: Callable[[], object]) -> None:
    together = Barrier(2)

    def run(_beat: int) -> None:
        together.wait()
        try:
            task()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, range(2)))


def test_a_months_minutes_are_granted_once(alice: User, clock: Clock) -> None:
    provider.subscribe(alice, interval=Interval.YEAR)
    begun = clock.at
    clock.at = periods.after(begun, months=1)

    twice_at_once(tasks.grant_due_months)
    clock.advance(hours=-1)
    twice_at_once(tasks.grant_due_months)
    clock.advance(hours=2)
    twice_at_once(tasks.grant_due_months)

    assert Grant.objects.count() == 2
    assert balance(alice) == 2 * MONTH_MS
    assert_books_balance()


def test_what_expires_expires_once(alice: User, clock: Clock) -> None:
    provider.subscribe(alice)
    clock.at = Grant.objects.get().expires_at  # type: ignore[assignment]

    twice_at_once(tasks.expire)
    clock.advance(hours=-1)
    twice_at_once(tasks.expire)
    clock.advance(hours=1)
    twice_at_once(tasks.expire)

    assert Entry.objects.filter(kind=Entry.Kind.EXPIRE).count() == 1
    assert balance(alice) == 0
    assert_books_balance()


def test_a_renewal_happens_once(alice: User, clock: Clock) -> None:
    subscription = provider.subscribe(alice)
    clock.at = subscription.current_period_end

    twice_at_once(sandbox.renew_due)
    for event in provider.events():
        provider.store(event)
        twice_at_once(lambda event=event: event_inbox.process(event["id"]))  # type: ignore[misc]

    assert Payment.objects.filter(status=Payment.Status.PAID).count() == 2
    assert balance(alice) == 2 * MONTH_MS
    assert_books_balance()


def test_what_was_missed_is_stored_once(alice: User, clock: Clock) -> None:
    sandbox.pay(provider.check_out(alice))

    twice_at_once(event_inbox.catch_up)

    missed = [event["id"] for event in provider.events()]
    assert sorted(StripeEvent.objects.values_list("pk", flat=True)) == sorted(missed)


def test_a_refund_is_taken_back_once(alice: User) -> None:
    payment = provider.buy(alice, "minutes-100")
    sandbox.refund(payment.payment_intent_id, cents=payment.cents // 2)

    twice_at_once(lambda: payments.synchronize(payment.payment_intent_id))

    assert Entry.objects.filter(kind=Entry.Kind.REFUND).count() == 1
    assert balance(alice) == 50 * 60_000
    assert_books_balance()


def test_without_its_unique_reference_a_grant_would_be_given_twice(
    alice: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checks above fail where the guard is missing."""
    provider.subscribe(alice, interval=Interval.YEAR)
    clock.at = periods.after(clock.at, months=1)
    give, given = ledger.grant, iter(range(100))

    def give_under_another_name(*args: object, reference: str, **kwargs: object) -> Grant:
        return give(*args, reference=f"{reference}:{next(given)}", **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger, "grant", give_under_another_name)
    monkeypatch.setattr(payments, "_take_back", lambda _payment: None)
    payment = Payment.objects.get()

    payments.grant_due_months()
    Payment.objects.update(grants_given=payment.grants_given, next_month_at=payment.next_month_at)
    payments.grant_due_months()

    assert balance(alice) > 2 * MONTH_MS
