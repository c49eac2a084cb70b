"""Stripe's JSON, read into `providers.objects`. The sandbox keeps objects of the same shape."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from billing.models import Interval, Payment, Subscription, Unit
from billing.plans import PLANS
from billing.providers.objects import (
    CheckoutSession,
    Invoice,
    InvoiceLine,
    Json,
    Price,
    ProviderSubscription,
    Returned,
)

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
# Nothing is owed: a code for the whole price leaves nothing to pay.
SETTLED = {"paid", "no_payment_required"}
# Disputes in these states withhold no money.
HARMLESS_DISPUTES = {
    "won",
    "prevented",
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
}
FAILED_REFUNDS = {"failed", "canceled"}


def checkout_session(data: Json) -> CheckoutSession:
    bought, reference = data["metadata"] or {}, data["client_reference_id"]
    return CheckoutSession(
        id=data["id"],
        user_id=int(reference) if reference and reference.isdecimal() else None,
        # An open session may need no payment either, and nothing is bought by it yet.
        is_paid=data["status"] == "complete" and data["payment_status"] in SETTLED,
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
    """Needs the schedule expanded; `price_of` finds a price by its id."""
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
    """Needs the payments expanded; `price_of` finds a price by its id."""
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


def payment_intent_of(invoice: Json) -> str:
    """The id of the payment intent; needs the payments expanded, and is empty without one."""
    payments = (invoice.get("payments") or {"data": []})["data"]
    intents = [each["payment"].get("payment_intent") for each in payments]
    return next((intent for intent in intents if intent), "")


def subscription_of_invoice(invoice: Json) -> str | None:
    """None for the invoice of a product."""
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
