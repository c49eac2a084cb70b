"""The few fields that we read of a provider's objects, taken from Stripe's JSON.

The sandbox keeps objects of the same shape, so this is the one place that knows it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from billing import periods
from billing.models import LIVE, Interval, Payment, Subscription, Unit
from billing.periods import Month, Stretch
from billing.plans import PLANS

Json = Mapping[str, Any]

STATUSES: Mapping[str, Subscription.Status] = {
    "incomplete": Subscription.Status.INCOMPLETE,
    "incomplete_expired": Subscription.Status.CANCELED,
    "trialing": Subscription.Status.ACTIVE,
    "active": Subscription.Status.ACTIVE,
    "past_due": Subscription.Status.PAST_DUE,
    "unpaid": Subscription.Status.PAST_DUE,
    "paused": Subscription.Status.PAST_DUE,
    "canceled": Subscription.Status.CANCELED,
}
INVOICE_STATUSES: Mapping[str, Payment.Status] = {
    "draft": Payment.Status.OPEN,
    "open": Payment.Status.OPEN,
    "paid": Payment.Status.PAID,
    "uncollectible": Payment.Status.VOID,
    "void": Payment.Status.VOID,
}
# Disputes in these states took no money, or gave it back.
HARMLESS_DISPUTES = {
    "won",
    "prevented",
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
}
FAILED_REFUNDS = {"failed", "canceled"}


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


def checkout_session(data: Json) -> CheckoutSession:
    bought, reference = data["metadata"] or {}, data["client_reference_id"]
    return CheckoutSession(
        id=data["id"],
        user_id=int(reference) if reference and reference.isdecimal() else None,
        is_paid=data["payment_status"] == "paid",
        subscription_id=data["subscription"],
        product=bought.get("product", ""),
        unit=Unit(bought.get("unit", Unit.GPU_MS)),
        amount=int(bought.get("amount", 0)),
        invoice_id=data["invoice"] or "",
        payment_intent_id=data["payment_intent"] or "",
        currency=data["currency"],
        cents=data["amount_total"],
        created_at=moment(data["created"]),
    )


def price(data: Json) -> Price:
    recurring = data["recurring"] or {}
    plan = data["metadata"].get("plan")
    minutes = data["metadata"].get("gpu_minutes") or (PLANS[plan].gpu_minutes if plan else 0)
    return Price(
        id=data["id"],
        plan=plan,
        interval=Interval(recurring.get("interval", Interval.MONTH)),
        gpu_ms=int(minutes) * 60_000,
        amounts={
            data["currency"]: data["unit_amount"],
            **{
                currency: option["unit_amount"]
                for currency, option in (data.get("currency_options") or {}).items()
            },
        },
    )


def subscription(data: Json, *, price_of: Callable[[str], Price]) -> ProviderSubscription:
    """The subscription, its schedule expanded; `price_of` finds a price by its id."""
    item = data["items"]["data"][0]
    user_id = data["metadata"].get("user")
    schedule = data["schedule"]
    ahead = _phases_ahead(schedule, item["current_period_end"]) if schedule else []
    return ProviderSubscription(
        id=data["id"],
        customer_id=data["customer"],
        user_id=int(user_id) if user_id else None,
        item_id=item["id"],
        currency=data["currency"],
        price=price(item["price"]),
        next_price=price_of(ahead[0]["items"][0]["price"]) if ahead else None,
        schedule_id=schedule["id"] if schedule else None,
        status=STATUSES[data["status"]],
        anchor=moment(data["billing_cycle_anchor"]),
        period_start=moment(item["current_period_start"]),
        period_end=moment(item["current_period_end"]),
        # The portal ends a subscription by date, our own buttons by the flag.
        cancel_at_period_end=data["cancel_at_period_end"] or data["cancel_at"] is not None,
        awaits_confirmation=data["pending_update"] is not None,
        ended_at=_moment_or_none(data["ended_at"]),
    )


def invoice(data: Json, *, price_of: Callable[[str], Price]) -> Invoice:
    """The invoice with its lines, its payments expanded; `price_of` finds a price by its id."""
    return Invoice(
        id=data.get("id") or "",
        status=INVOICE_STATUSES[data["status"] or "draft"],
        number=data["number"] or "",
        currency=data["currency"],
        cents=data["total"],
        due_cents=data["amount_due"],
        attempts=data["attempt_count"],
        next_attempt_at=_moment_or_none(data["next_payment_attempt"]),
        created_at=moment(data["created"]),
        paid_at=_moment_or_none(data["status_transitions"]["paid_at"]),
        payment_intent_id=payment_intent_of(data),
        lines=tuple(
            InvoiceLine(
                price=price_of(line["pricing"]["price_details"]["price"]),
                cents=line["amount"],
                start=moment(line["period"]["start"]),
                end=moment(line["period"]["end"]),
            )
            for line in data["lines"]["data"]
            if line["pricing"]
        ),
    )


def subject_of(event: Json) -> tuple[Subject, str] | None:
    """What the event is about and its id; None for an event that changes nothing here."""
    for prefix, subject, find in _SUBJECTS:
        if event["type"].startswith(prefix):
            found = find(event["data"]["object"])
            return (subject, found) if found else None
    return None


def payment_intent_of(invoice: Json) -> str:
    """The payment of an invoice whose payments were expanded; empty where there is none."""
    payments = (invoice.get("payments") or {"data": []})["data"]
    intents = [each["payment"].get("payment_intent") for each in payments]
    return next((intent for intent in intents if intent), "")


def subscription_of_invoice(invoice: Json) -> str | None:
    """None for an invoice of something that was bought once."""
    parent = invoice["parent"] or {}
    return (parent.get("subscription_details") or {}).get("subscription")


def returned(*, refunds: Sequence[Json], disputes: Sequence[Json]) -> Returned:
    return Returned(
        refunded=sum(each["amount"] for each in refunds if each["status"] not in FAILED_REFUNDS),
        disputed=sum(
            each["amount"] for each in disputes if each["status"] not in HARMLESS_DISPUTES
        ),
    )


def moment(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp, tz=UTC)


def _moment_or_none(timestamp: int | None) -> datetime | None:
    return None if timestamp is None else moment(timestamp)


def _phases_ahead(schedule: Json, period_end: int) -> list[Json]:
    return [phase for phase in schedule["phases"] if phase["start_date"] >= period_end]


def _id(found: Json) -> str:
    return found["id"]  # type: ignore[no-any-return]


def _subscription_of_schedule(schedule: Json) -> str | None:
    found: str | None = schedule["subscription"] or schedule["released_subscription"]
    return found


def _payment_intent(found: Json) -> str | None:
    return found["payment_intent"]  # type: ignore[no-any-return]


# By the beginning of the event's type.
_SUBJECTS: tuple[tuple[str, Subject, Callable[[Json], str | None]], ...] = (
    ("checkout.session.", Subject.CHECKOUT, _id),
    ("customer.subscription.", Subject.SUBSCRIPTION, _id),
    ("subscription_schedule.", Subject.SUBSCRIPTION, _subscription_of_schedule),
    ("invoice.", Subject.SUBSCRIPTION, subscription_of_invoice),
    ("charge.refund", Subject.PAYMENT, _payment_intent),
    ("charge.dispute.", Subject.PAYMENT, _payment_intent),
    ("refund.", Subject.PAYMENT, _payment_intent),
)
# Those that the webhook asks for.
EVENT_TYPES = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "subscription_schedule.updated",
    "subscription_schedule.released",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.voided",
    "invoice.marked_uncollectible",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.closed",
    "charge.dispute.funds_reinstated",
    "refund.failed",
)
