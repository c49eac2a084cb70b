"""Threads with their own connections to PostgreSQL, racing for one wallet."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from accounts.models import User
from billing import ledger
from billing.models import Entry, Grant, Hold, Unit
from tests.billing.books import assert_wallets_balance, balance, fund
from tests.billing.conftest import Clock

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 24


def run_together(calls: Iterable[Callable[[], Any]]) -> list[Any]:
    """The results of the calls, or the ledger's exceptions that they raised, in order."""

    def run(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (ledger.InsufficientBalance, ledger.AlreadySettled) as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, calls))


def hold(user: User, number: int, amount: int = 100) -> Callable[[], Hold]:
    return partial(ledger.hold, user, unit=Unit.GPU_MS, amount=amount, reference=f"job:{number}")


def test_two_hundred_holds_on_a_wallet_worth_ten_are_ten(alice: User) -> None:
    fund(alice, 1_099)

    results = run_together(hold(alice, number) for number in range(200))

    assert sum(isinstance(result, Hold) for result in results) == 10
    assert balance(alice) == 99
    assert_wallets_balance()


def test_one_reference_holds_once_however_many_ask(alice: User) -> None:
    fund(alice, 1_000)

    results = run_together(hold(alice, 1) for _ in range(50))

    assert {result.pk for result in results} == {Hold.objects.get().pk}
    assert balance(alice) == 900
    assert_wallets_balance()


def test_one_reference_grants_once_however_many_ask(alice: User) -> None:
    results = run_together(partial(fund, alice, 500) for _ in range(50))

    assert {result.pk for result in results} == {Grant.objects.get().pk}
    assert balance(alice) == 500
    assert_wallets_balance()


def test_a_hold_that_is_captured_and_released_at_once_is_settled_one_way(alice: User) -> None:
    fund(alice, 1_000)
    for number in range(10):
        hold(alice, number)()

    calls: list[Callable[[], Any]] = []
    for number in range(10):
        calls += [partial(ledger.capture, f"job:{number}", amount=60)] * 3
        calls += [partial(ledger.release, f"job:{number}")] * 3
    run_together(calls)

    captured = Hold.objects.filter(status=Hold.Status.CAPTURED).count()
    assert balance(alice) == 1_000 - 60 * captured
    assert not Hold.objects.filter(status=Hold.Status.OPEN).exists()
    assert_wallets_balance()


def test_an_expiry_during_holds_and_captures_loses_nothing(alice: User, clock: Clock) -> None:
    ledger.grant(
        alice,
        unit=Unit.GPU_MS,
        amount=2_000,
        source=Grant.Source.PLAN,
        reference="month",
        expires_at=clock.after(days=30),
    )
    for number in range(10):
        hold(alice, number)()
    fund(alice, 1_000)
    clock.advance(days=30)

    calls: list[Callable[[], Any]] = []
    for number in range(10):
        calls.append(partial(ledger.capture, f"job:{number}", amount=100))
        calls.append(hold(alice, 100 + number))
        calls.append(partial(ledger.expire, timezone.now()))
    results = run_together(calls)

    assert results[0::3] == [100] * 10
    assert all(isinstance(result, Hold) for result in results[1::3])
    assert balance(alice) == 0
    assert_wallets_balance()


def test_refunds_during_holds_and_captures_take_nothing_twice(alice: User) -> None:
    given = fund(alice, 2_000)
    for number in range(10):
        hold(alice, number)()

    calls: list[Callable[[], Any]] = []
    for number in range(10):
        refunded = 150 * (number + 1)
        calls.append(partial(ledger.capture, f"job:{number}", amount=60))
        calls.append(partial(ledger.refund, given.reference, amount=refunded, note="why"))
        calls.append(hold(alice, 100 + number))
    results = run_together(calls)

    assert results[0::3] == [60] * 10
    given.refresh_from_db()
    taken = Entry.objects.filter(kind=Entry.Kind.REFUND).aggregate(sum=Sum("amount"))["sum"]
    held = sum(isinstance(result, Hold) for result in results[2::3])
    assert given.remaining == 2_000 - 600 + taken
    assert balance(alice) == given.remaining - 100 * held
    assert_wallets_balance()
