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
    """The price of a plan's period at the provider, with the minutes of each month.

    It never changes, and a subscriber keeps it. `plan` is None for a price that is not ours.
    """

    id: str
    plan: str | None
    interval: Interval
    gpu_ms: int
    # By currency, the site's own among them.
    amounts: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class CheckoutSession:
    """`subscription_id` is set once a plan is paid. `product`, `unit` and `amount` are a purchase's.

    `user_id` is None for a session that our checkout did not make.
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
    """`user_id` is None for a subscription that our checkout did not make."""

    id: str
    customer_id: str
    user_id: int | None
    item_id: str
    currency: str
    price: Price
    # The scheduled change at the period's end.
    next_price: Price | None
    schedule_id: str | None
    status: Subscription.Status
    anchor: datetime
    period_start: datetime
    period_end: datetime
    cancel_at_period_end: bool
    # A change waits for the confirmation of its payment.
    awaits_confirmation: bool
    ended_at: datetime | None

    @property
    def is_live(self) -> bool:
        return self.status in LIVE


@dataclass(frozen=True, kw_only=True)
class InvoiceLine:
    """A charge for (part of) a period, before discounts and tax; below zero for a credit."""

    price: Price
    cents: int
    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True)
class Invoice:
    """An invoice; the `id` of a preview is empty."""

    id: str
    status: Payment.Status
    number: str
    currency: str
    cents: int
    # After the customer's credit.
    due_cents: int
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime
    paid_at: datetime | None
    payment_intent_id: str
    lines: tuple[InvoiceLine, ...]

    def months(self, anchor: datetime) -> list[Month]:
        """The paid months of GPU time. `anchor` is the subscription's."""
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
        """The id of the last plan that it charges for; empty without one."""
        plans = [line.price.plan for line in self.lines if line.cents > 0 and line.price.plan]
        return plans[-1] if plans else ""


@dataclass(frozen=True, kw_only=True)
class Returned:
    """The refunded amount of a payment, and the amount withheld by open or lost disputes."""

    refunded: int
    disputed: int


class Subject(StrEnum):
    """The kind of object behind an event."""

    CHECKOUT = "checkout"
    SUBSCRIPTION = "subscription"
    PAYMENT = "payment"


@dataclass(frozen=True, kw_only=True)
class Event:
    """A notification from the provider. `payload` is its own JSON, without personal data."""

    id: str
    type: str
    payload: Json
