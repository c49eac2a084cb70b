"""Random sequences of verbs, checked after each against a model without write-offs."""

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from itertools import count
from typing import Any, NamedTuple
from unittest import mock

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from billing import ledger
from billing.models import Entry, Grant, Hold, Unit
from tests.billing.books import assert_wallets_balance
from tests.billing.conftest import Clock

AMOUNTS = st.integers(1, 300)
NUMBERS = count()
SUMS = """
    SELECT balance, held,
        (SELECT COALESCE(SUM(remaining), 0) FROM billing_grant WHERE wallet_id = wallet.id),
        (SELECT COALESCE(SUM(amount), 0) FROM billing_entry WHERE wallet_id = wallet.id),
        (SELECT COALESCE(-SUM(amount), 0) FROM billing_entry WHERE wallet_id = wallet.id AND kind = %s)
    FROM billing_wallet wallet WHERE user_id = %s
"""


@dataclass
class Given:
    reference: str
    amount: int
    remaining: int
    expires_at: datetime | None
    # Paid back in all, and what that took.
    refunded: int = 0
    taken: int = 0

    def pays_at(self, moment: datetime) -> bool:
        return self.expires_at is None or self.expires_at > moment


@dataclass
class Held:
    amount: int
    placed_at: datetime
    settled: int | None = None


@dataclass
class Model:
    """The rule itself: a hold is paid by grants that were alive when it was placed."""

    grants: list[Given] = field(default_factory=list)
    holds: dict[str, Held] = field(default_factory=dict)

    def open(self) -> dict[str, Held]:
        return {name: held for name, held in self.holds.items() if held.settled is None}

    def available(self, now: datetime) -> int:
        """The most that one more hold could claim while every open hold stays covered.

        Later holds have fewer grants to choose from, so it is enough to look at each moment on.
        """
        return min(self.slack(each) for each in (now, *(h.placed_at for h in self.open().values())))

    def refund(self, given: Given, amount: int, now: datetime) -> int:
        """The amount taken when `amount` of a grant is refunded in total; below zero if given back."""
        if not given.pays_at(now):
            part = 0
        elif amount > given.refunded:
            part = min(amount - given.refunded, self.spare(given))
        else:
            part = -max(0, given.taken - amount)
        given.refunded = amount
        given.taken += part
        given.remaining -= part
        return part

    def spare(self, given: Given) -> int:
        """The most that can be taken from a grant while every open hold stays covered, by trial."""
        kept = given.remaining
        for part in range(kept, 0, -1):
            given.remaining = kept - part
            covered = self.available_at_least_zero()
            given.remaining = kept
            if covered:
                return part
        return 0

    def available_at_least_zero(self) -> bool:
        return all(self.slack(hold.placed_at) >= 0 for hold in self.open().values())

    def slack(self, moment: datetime) -> int:
        held = self.open().values()
        return sum(given.remaining for given in self.grants if given.pays_at(moment)) - sum(
            hold.amount for hold in held if hold.placed_at >= moment
        )

    def spend(self, amount: int, *, placed_at: datetime) -> None:
        never = datetime.max.replace(tzinfo=placed_at.tzinfo)
        for given in sorted(self.grants, key=lambda given: given.expires_at or never):
            part = min(amount, given.remaining) if given.pays_at(placed_at) else 0
            given.remaining -= part
            amount -= part
        assert amount == 0, "a hold was not covered"


class Ledger(RuleBasedStateMachine):
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        # What one sequence wrote is gone before the next begins.
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.clock = Clock()
        self.clock_in_force = mock.patch.object(timezone, "now", self.clock.now)
        self.clock_in_force.start()
        self.user = User.objects.create_user(f"user{next(NUMBERS)}@example.com")
        self.model = Model()

    def teardown(self) -> None:
        assert_wallets_balance()
        self.clock_in_force.stop()
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    @rule(amount=AMOUNTS, days=st.none() | st.integers(-1, 5))
    def grant(self, amount: int, days: int | None) -> None:
        expires_at = None if days is None else self.clock.after(days=days)
        reference = f"grant:{next(NUMBERS)}"
        for _ in range(2):
            ledger.grant(
                self.user,
                unit=Unit.GPU_MS,
                amount=amount,
                source=Grant.Source.TOPUP,
                reference=reference,
                expires_at=expires_at,
            )
        self.model.grants.append(Given(reference, amount, amount, expires_at))

    @precondition(lambda self: self.model.grants)
    @rule(data=st.data(), part=st.fractions(0, 1))
    def refund(self, data: st.DataObject, part: Fraction) -> None:
        given = data.draw(st.sampled_from(self.model.grants))
        amount = int(given.amount * part)

        moved = [ledger.refund(given.reference, amount=amount, note="why") for _ in range(2)]

        assert moved == [-self.model.refund(given, amount, self.clock.at), 0]

    @rule(amount=AMOUNTS)
    def hold(self, amount: int) -> None:
        reference = f"hold:{next(NUMBERS)}"
        affordable = amount <= self.model.available(self.clock.at)
        try:
            with transaction.atomic():
                self._hold(amount, reference)
        except ledger.InsufficientBalance as refused:
            refusal: ledger.InsufficientBalance | None = refused
        else:
            refusal = None
        if refusal is not None:
            assert not affordable
            assert refusal.available == self.model.available(self.clock.at)
        else:
            assert affordable
            self.model.holds[reference] = Held(amount, self.clock.at)

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data())
    def hold_again(self, data: st.DataObject) -> None:
        reference = data.draw(st.sampled_from(list(self.model.holds)))

        self._hold(self.model.holds[reference].amount, reference)

    @precondition(lambda self: self.model.open())
    @rule(data=st.data(), amount=st.integers(0, 400))
    def capture(self, data: st.DataObject, amount: int) -> None:
        reference = data.draw(st.sampled_from(list(self.model.open())))
        held = self.model.holds[reference]

        captured = ledger.capture(reference, amount=amount)

        assert captured == min(amount, held.amount)
        assert ledger.capture(reference, amount=amount + 1) == captured
        self.model.spend(captured, placed_at=held.placed_at)
        held.settled = captured

    @precondition(lambda self: self.model.open())
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        reference = data.draw(st.sampled_from(list(self.model.open())))

        ledger.release(reference)

        ledger.release(reference)
        self.model.holds[reference].settled = 0

    @rule(amount=AMOUNTS)
    def take_back(self, amount: int) -> None:
        reference = f"adjustment:{next(NUMBERS)}"
        affordable = amount <= self.model.available(self.clock.at)
        try:
            with transaction.atomic():
                ledger.adjust(
                    self.user, unit=Unit.GPU_MS, amount=-amount, reference=reference, note="why"
                )
        except ledger.InsufficientBalance:
            assert not affordable
        else:
            assert affordable
            self.model.spend(amount, placed_at=self.clock.at)

    @rule(hours=st.integers(1, 60))
    def wait(self, hours: int) -> None:
        self.clock.advance(hours=hours)

    @rule()
    def expire(self) -> None:
        ledger.expire(timezone.now())

    @invariant()
    def the_ledger_agrees_with_the_model(self) -> None:
        Ledger.steps += 1
        assert ledger.available(self.user, Unit.GPU_MS) == self.model.available(self.clock.at)

    @invariant()
    def the_sums_are_the_sums(self) -> None:
        sums = _sums_of(self.user)
        if sums is None:
            return
        held = sum(hold.amount for hold in self.model.open().values())
        assert sums.balance == sums.left == sums.moved
        assert sums.balance >= sums.held == held >= 0
        assert sums.captured == sum(hold.settled or 0 for hold in self.model.holds.values())

    def _hold(self, amount: int, reference: str) -> Hold:
        return ledger.hold(self.user, unit=Unit.GPU_MS, amount=amount, reference=reference)


class Sums(NamedTuple):
    """The wallet's own sums, and those of its rows."""

    balance: int
    held: int
    left: int
    moved: int
    captured: int


def _sums_of(user: User) -> Sums | None:
    """Read in one statement: after each of 10,000 steps, five would be most of the test's time."""
    with connection.cursor() as cursor:
        cursor.execute(SUMS, [Entry.Kind.CAPTURE, user.pk])
        row = cursor.fetchone()
    return None if row is None else Sums(*row)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sequences", "steps"), [(20, 500), pytest.param(280, 10_000, marks=pytest.mark.slow)]
)
def test_any_sequence_of_verbs_keeps_the_books(sequences: int, steps: int) -> None:
    limits: dict[str, Any] = {"max_examples": sequences, "stateful_step_count": 50}
    Ledger.steps = 0

    run_state_machine_as_test(
        Ledger,
        settings=settings(**limits, deadline=None, suppress_health_check=[HealthCheck.too_slow]),
    )

    assert Ledger.steps >= steps
