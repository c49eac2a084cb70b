"""Expiring grants, with and without open holds, before and after the task has run."""

import pytest
from django.utils import timezone

from accounts.models import User
from billing import ledger
from billing.models import Entry, Grant, Unit
from tests.billing.books import assert_wallets_balance, balance, fund
from tests.billing.conftest import Clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def month(alice: User, clock: Clock) -> Grant:
    return ledger.grant(
        alice,
        unit=Unit.GPU_MS,
        amount=100,
        source=Grant.Source.PLAN,
        reference="month",
        expires_at=clock.after(days=30),
    )


def hold(user: User, amount: int, reference: str = "job:1") -> None:
    ledger.hold(user, unit=Unit.GPU_MS, amount=amount, reference=reference)


def test_a_grant_can_be_spent_until_it_expires(alice: User, month: Grant, clock: Clock) -> None:
    clock.advance(days=29, hours=23)

    assert balance(alice) == 100


def test_an_expired_grant_is_not_available_even_if_the_task_never_ran(
    alice: User, month: Grant, clock: Clock
) -> None:
    clock.advance(days=30)

    assert balance(alice) == 0
    with pytest.raises(ledger.InsufficientBalance) as refusal:
        hold(alice, 1)
    assert refusal.value.available == 0
    assert_wallets_balance()


def test_a_hold_writes_off_what_expired(alice: User, month: Grant, clock: Clock) -> None:
    fund(alice, 50)
    clock.advance(days=30)

    hold(alice, 50)

    expired = Entry.objects.get(kind=Entry.Kind.EXPIRE)
    assert (expired.grant, expired.amount) == (month, -100)
    assert balance(alice) == 0
    assert_wallets_balance()


def test_the_task_writes_off_once(alice: User, month: Grant, clock: Clock) -> None:
    clock.advance(days=30)

    assert [ledger.expire(timezone.now()), ledger.expire(timezone.now())] == [1, 0]

    month.refresh_from_db()
    assert month.remaining == 0
    assert_wallets_balance()


def test_a_grant_without_expiry_stays(alice: User, clock: Clock) -> None:
    fund(alice, 50)
    clock.advance(days=9_999)

    assert ledger.expire(timezone.now()) == 0
    assert balance(alice) == 50


def test_a_hold_from_before_the_expiry_can_still_be_captured(
    alice: User, month: Grant, clock: Clock
) -> None:
    hold(alice, 60)
    clock.advance(days=31)
    ledger.expire(timezone.now())

    assert balance(alice) == 0
    assert ledger.capture("job:1", amount=60) == 60

    assert balance(alice) == 0
    assert_wallets_balance()


def test_what_such_a_hold_did_not_use_expires_when_it_settles(
    alice: User, month: Grant, clock: Clock
) -> None:
    hold(alice, 60)
    clock.advance(days=31)
    ledger.expire(timezone.now())

    ledger.capture("job:1", amount=25)
    assert balance(alice) == 0
    ledger.expire(timezone.now())

    month.refresh_from_db()
    assert month.remaining == 0
    parts = month.entries.filter(kind=Entry.Kind.EXPIRE).order_by("id")
    assert [entry.amount for entry in parts] == [-40, -35]
    assert_wallets_balance()


def test_a_hold_from_after_the_expiry_never_spends_the_expired_grant(
    alice: User, month: Grant, clock: Clock
) -> None:
    hold(alice, 60, "before")
    clock.advance(days=31)
    fund(alice, 80, source=Grant.Source.TOPUP)
    hold(alice, 80, "after")

    ledger.release("before")
    ledger.capture("after", amount=80)

    spent = Entry.objects.get(kind=Entry.Kind.CAPTURE)
    assert spent.grant.source == Grant.Source.TOPUP
    assert balance(alice) == 0
    assert_wallets_balance()


def test_an_expired_grant_covers_its_holds_before_a_fresh_one_does(
    alice: User, month: Grant, clock: Clock
) -> None:
    hold(alice, 100, "before")
    clock.advance(days=31)
    fund(alice, 80)

    assert balance(alice) == 80
    hold(alice, 80, "after")
    assert ledger.capture("after", amount=80) == 80
    assert ledger.capture("before", amount=100) == 100

    assert balance(alice) == 0
    assert_wallets_balance()


def test_a_grant_that_arrives_after_its_own_expiry_is_worth_nothing(
    alice: User, clock: Clock
) -> None:
    ledger.grant(
        alice,
        unit=Unit.GPU_MS,
        amount=100,
        source=Grant.Source.PLAN,
        reference="late",
        expires_at=clock.after(days=-1),
    )

    assert balance(alice) == 0
    assert ledger.expire(timezone.now()) == 1
    assert_wallets_balance()
