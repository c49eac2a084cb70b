"""Any sequence of verbs, checked after each one against a model that never writes anything off."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any
from unittest import mock

import pytest
from django.db import transaction
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
from billing.models import Grant, Hold, Unit
from tests.billing.books import assert_books_balance
from tests.billing.conftest import Clock

AMOUNTS = st.integers(1, 300)
NUMBERS = count()


@dataclass
class Given:
    remaining: int
    expires_at: datetime | None

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
        """The most that one more hold could claim with every open hold still payable in full.

        Later holds have fewer grants to choose from, so it is enough to look at each moment on.
        """
        held = self.open().values()
        moments = [now, *(hold.placed_at for hold in held)]
        return min(
            sum(given.remaining for given in self.grants if given.pays_at(moment))
            - sum(hold.amount for hold in held if hold.placed_at >= moment)
            for moment in moments
        )

    def spend(self, amount: int, *, placed_at: datetime) -> None:
        never = datetime.max.replace(tzinfo=placed_at.tzinfo)
        for given in sorted(self.grants, key=lambda given: given.expires_at or never):
            part = min(amount, given.remaining) if given.pays_at(placed_at) else 0
            given.remaining -= part
            amount -= part
        assert amount == 0, "a hold was not covered"


class Ledger(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.clock_in_force = mock.patch.object(timezone, "now", self.clock.now)
        self.clock_in_force.start()
        self.user = User.objects.create_user(f"user{next(NUMBERS)}@example.com")
        self.model = Model()

    def teardown(self) -> None:
        self.clock_in_force.stop()

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
        self.model.grants.append(Given(amount, expires_at))

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
        assert ledger.available(self.user, Unit.GPU_MS) == self.model.available(self.clock.at)

    @invariant()
    def the_books_balance(self) -> None:
        assert_books_balance()

    def _hold(self, amount: int, reference: str) -> Hold:
        return ledger.hold(self.user, unit=Unit.GPU_MS, amount=amount, reference=reference)


@pytest.mark.django_db
def test_any_sequence_of_verbs_keeps_the_books() -> None:
    limits: dict[str, Any] = {"max_examples": 40, "stateful_step_count": 30}

    run_state_machine_as_test(
        Ledger,
        settings=settings(**limits, deadline=None, suppress_health_check=[HealthCheck.too_slow]),
    )
