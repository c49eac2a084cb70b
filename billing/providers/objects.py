"""Prices, checkout sessions, subscriptions and invoices as every provider gives them to the rest of billing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from billing import periods
from billing.models import LIVE, Interval, Payment, Subscription, Unit
from billing.periods import Month, Stretch

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Price:
    """A price at the provider: what a period of a plan costs, and the minutes of each month of it.

    It never changes: who subscribed at it keeps it. `plan` is None if it is not one of ours.
    """

    id: str
    plan: str | None
    interval: Interval
    gpu_ms: int
    # By currency: who pays in another one than the installation's has that one's.
    amounts: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class CheckoutSession:
    """`subscription_id` is set once a plan was paid; `product` and its contents where it is bought once.

    `user_id` is None for a session that is not of our making.
    """

    id: str
    user_id: int | None
    is_paid: bool
    subscription_id: str | None
    product: str
    unit: Unit
    amount: int
    invoice_id: str
    payment_intent_id: str
    currency: str
    cents: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class ProviderSubscription:
    """`user_id` is None for a subscription that was not made by our checkout."""

    id: str
    customer_id: str
    user_id: int | None
    item_id: str
    currency: str
    price: Price
    # What it changes to at the end of the period, if it does, and the schedule that says so.
    next_price: Price | None
    schedule_id: str | None
    status: Subscription.Status
    anchor: datetime
    period_start: datetime
    period_end: datetime
    cancel_at_period_end: bool
    # Whether a change waits for its payment to be confirmed.
    awaits_confirmation: bool
    ended_at: datetime | None

    @property
    def is_live(self) -> bool:
        return self.status in LIVE


@dataclass(frozen=True, kw_only=True)
class InvoiceLine:
    """What was billed for (part of) a period, before discounts and tax; below zero for a credit."""

    price: Price
    cents: int
    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True)
class Invoice:
    """A bill. `id` is empty for one that is only a preview."""

    id: str
    status: Payment.Status
    number: str
    currency: str
    cents: int
    # After what the customer has to their credit.
    due_cents: int
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime
    paid_at: datetime | None
    payment_intent_id: str
    lines: tuple[InvoiceLine, ...]

    def months(self, anchor: datetime) -> list[Month]:
        """The months of GPU time that it pays for. `anchor` is the subscription's."""
        stretches = [
            Stretch(
                gpu_ms=line.price.gpu_ms if line.cents > 0 else -line.price.gpu_ms,
                start=line.start,
                end=line.end,
            )
            for line in self.lines
            if line.cents
        ]
        return periods.months(stretches, anchor=anchor)

    @property
    def plan(self) -> str:
        """The plan that it charges for, the last that it names; empty where it names none."""
        plans = [line.price.plan for line in self.lines if line.cents > 0 and line.price.plan]
        return plans[-1] if plans else ""


@dataclass(frozen=True, kw_only=True)
class Returned:
    """What of a payment went back to the customer, and what is held back until a dispute is decided."""

    refunded: int
    disputed: int


class Subject(StrEnum):
    """What an event is about."""

    CHECKOUT = "checkout"
    SUBSCRIPTION = "subscription"
    PAYMENT = "payment"


@dataclass(frozen=True, kw_only=True)
class Event:
    """A notification from the provider. `payload` is its own JSON, without personal data."""

    id: str
    type: str
    payload: Json
