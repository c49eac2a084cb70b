"""The sandbox's Stripe-shaped objects, with the fields that `stripe.json` reads."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from billing import money, periods
from billing.models import Interval, SandboxObject
from billing.plans import MONTHS_PAID, PLANS, Plan

Json = dict[str, Any]
Period = tuple[int, int]  # seconds since the epoch
MONTHS = {Interval.MONTH: 1, Interval.YEAR: 12}


def new_id(prefix: str) -> str:
    return f"{prefix}_sandbox_{uuid4().hex}"


def now() -> int:
    return int(timezone.now().timestamp())


def create(type_: str, data: Json) -> Json:
    SandboxObject.objects.create(id=data["id"], type=type_, data={"object": type_, **data})
    return data


def create_customer(*, user_id: int) -> Json:
    """`card` is the customer's `payments.Card`."""
    customer = {"id": new_id("cus"), "metadata": {"user": str(user_id)}}
    return create("customer", {**customer, "card": "good"})


def create_checkout(
    *, user_id: int, customer_id: str, name: str, cents: int, metadata: Json, **urls: str
) -> Json:
    checkout_id = new_id("cs")
    success_url = urls["success_url"].replace("{CHECKOUT_SESSION_ID}", checkout_id)
    return create(
        "checkout.session",
        {
            "id": checkout_id,
            "status": "open",
            "payment_status": "unpaid",
            "client_reference_id": str(user_id),
            "customer": customer_id,
            "subscription": None,
            "invoice": None,
            "payment_intent": None,
            "currency": settings.CURRENCY,
            "amount_total": cents,
            "success_url": success_url,
            "cancel_url": urls["cancel_url"],
            "created": now(),
            "metadata": metadata,
            "name": name,
        },
    )


def create_subscription(*, user_id: str, customer_id: str, plan: Plan, interval: Interval) -> Json:
    """An active subscription; its first period begins now. `periods` counts renewals."""
    anchor = now()
    start, end = nth_period(anchor, interval, 0)
    item = {
        "id": new_id("si"),
        "price": price(plan.id, interval),
        "current_period_start": start,
        "current_period_end": end,
    }
    return create(
        "subscription",
        {
            "id": new_id("sub"),
            "customer": customer_id,
            "status": "active",
            "currency": settings.CURRENCY,
            "metadata": {"user": user_id},
            "items": {"data": [item]},
            "cancel_at_period_end": False,
            "cancel_at": None,
            "ended_at": None,
            "pending_update": None,
            "billing_cycle_anchor": anchor,
            "periods": 0,
        },
    )


def create_schedule(subscription: Json, *, plan: Plan, interval: Interval) -> Json:
    """A schedule that moves the subscription to `plan` when its period ends."""
    item = subscription["items"]["data"][0]
    start, end = item["current_period_start"], item["current_period_end"]
    return create(
        "subscription_schedule",
        {
            "id": new_id("sub_sched"),
            "status": "active",
            "subscription": subscription["id"],
            "released_subscription": None,
            "phases": [
                {
                    "start_date": start,
                    "end_date": end,
                    "items": [{"price": item["price"]["id"]}],
                },
                {
                    "start_date": end,
                    "end_date": None,
                    "items": [{"price": price(plan.id, interval)["id"]}],
                },
            ],
        },
    )


def draft(lines: Sequence[Json], *, subscription_id: str | None = None) -> Json:
    """An invoice that is not stored yet."""
    total = sum(line["amount"] for line in lines)
    details = {"subscription_details": {"subscription": subscription_id}}
    return {
        "id": new_id("in"),
        "status": "draft",
        "number": None,
        "currency": settings.CURRENCY,
        "parent": details if subscription_id else None,
        "total": total,
        "amount_due": max(0, total),
        "attempt_count": 0,
        "next_payment_attempt": None,
        "status_transitions": {"paid_at": None},
        "payments": {"data": []},
        "created": now(),
        "lines": {"data": list(lines)},
    }


def create_invoice(
    lines: Sequence[Json], *, customer_id: str, subscription_id: str | None = None
) -> Json:
    """An open invoice with its payment intent."""
    number = SandboxObject.objects.filter(type="invoice").count() + 1
    intent = create("payment_intent", {"id": new_id("pi"), "customer": customer_id})
    return create(
        "invoice",
        {
            **draft(lines, subscription_id=subscription_id),
            "customer": customer_id,
            "status": "open",
            "number": f"TEST-{number:04}",
            "payments": {"data": [{"payment": {"payment_intent": intent["id"]}}]},
        },
    )


def plan_line(
    plan: Plan, interval: Interval, *, period: Period, share: float = 1, sign: int = 1
) -> Json:
    """A line item for `share` of a plan's price; `sign` -1 makes it a credit."""
    return {
        "id": new_id("il"),
        "description": str(plan.name),
        "amount": sign * money.payable(round(plan.price(interval) * share), settings.CURRENCY),
        "period": {"start": period[0], "end": period[1]},
        "pricing": {"price_details": {"price": price(plan.id, interval)["id"]}},
    }


def product_line(name: str, cents: int) -> Json:
    """A line item for a product."""
    period = {"start": now(), "end": now()}
    return {
        "id": new_id("il"),
        "description": name,
        "amount": cents,
        "period": period,
        "pricing": None,
    }


def create_event(type_: str, data: Json) -> Json:
    """An event with a copy of the object's present state."""
    event = {"id": new_id("evt"), "type": type_, "created": now(), "data": {"object": data}}
    return create("event", event)


def price(plan_id: str, interval: Interval) -> Json:
    plan = PLANS[plan_id]
    return {
        "id": f"price_{plan_id}_{interval}",
        "metadata": {"plan": plan_id, "gpu_minutes": str(plan.gpu_minutes)},
        "recurring": {"interval": interval.value},
        "currency": settings.CURRENCY,
        "unit_amount": plan.price_cents * MONTHS_PAID[interval],
    }


def price_of(price_id: str) -> Json:
    _price, plan_id, interval = price_id.split("_")
    return price(plan_id, Interval(interval))


def plan_of(subscription: Json) -> tuple[Plan, Interval]:
    """The plan and the interval of the subscription."""
    found = subscription["items"]["data"][0]["price"]
    return PLANS[found["metadata"]["plan"]], Interval(found["recurring"]["interval"])


def period_of(subscription: Json) -> Period:
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def nth_period(anchor: int, interval: Interval, number: int) -> Period:
    """The period after `number` others, on the anchor's day or the month's last day, like Stripe's."""
    begun = datetime.fromtimestamp(anchor, tz=UTC)
    start, end = (
        int(periods.after(begun, months=each * MONTHS[interval]).timestamp())
        for each in (number, number + 1)
    )
    return start, end


def invoices(subscription_id: str) -> QuerySet[SandboxObject]:
    """All invoices of a subscription, the latest first."""
    return SandboxObject.objects.filter(
        type="invoice", data__parent__subscription_details__subscription=subscription_id
    ).order_by("-created_at")


def schedule_of(subscription_id: str) -> SandboxObject | None:
    """The subscription's active schedule."""
    return SandboxObject.objects.filter(
        type="subscription_schedule", data__subscription=subscription_id, data__status="active"
    ).first()


def payment_intent_of(invoice: Json) -> str:
    return str(invoice["payments"]["data"][0]["payment"]["payment_intent"])


def of_payment(payment_intent_id: str, types: Iterable[str]) -> QuerySet[SandboxObject]:
    """Objects of a payment, such as refunds and disputes, the oldest first."""
    return SandboxObject.objects.filter(
        type__in=types, data__payment_intent=payment_intent_id
    ).order_by("created_at")
