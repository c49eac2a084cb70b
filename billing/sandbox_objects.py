"""Stripe-shaped objects as the sandbox provider makes them; only what `stripe_objects` reads, and times."""

import calendar
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from billing.models import SandboxObject
from billing.plans import PLANS, Plan

Json = dict[str, Any]
Period = tuple[int, int]  # seconds since the epoch


def new_id(prefix: str) -> str:
    return f"{prefix}_sandbox_{uuid4().hex}"


def create(type_: str, data: Json) -> Json:
    SandboxObject.objects.create(id=data["id"], type=type_, data={"object": type_, **data})
    return data


def create_checkout(*, user_id: int, plan: Plan, success_url: str, cancel_url: str) -> Json:
    checkout_id = new_id("cs")
    return create(
        "checkout.session",
        {
            "id": checkout_id,
            "status": "open",
            "client_reference_id": str(user_id),
            "subscription": None,
            "success_url": success_url.replace("{CHECKOUT_SESSION_ID}", checkout_id),
            "cancel_url": cancel_url,
            "metadata": {"plan": plan.id},
        },
    )


def create_subscription(*, user_id: str, plan: Plan, at: int) -> Json:
    """An active subscription whose first period begins `at`. `periods` counts those that were renewed."""
    start, end = nth_period(at, 0)
    item = {
        "id": new_id("si"),
        "price": price(plan.id),
        "current_period_start": start,
        "current_period_end": end,
    }
    return create(
        "subscription",
        {
            "id": new_id("sub"),
            "customer": new_id("cus"),
            "status": "active",
            "metadata": {"user": user_id},
            "items": {"data": [item]},
            "cancel_at_period_end": False,
            "cancel_at": None,
            "billing_cycle_anchor": at,
            "periods": 0,
        },
    )


def create_invoice(subscription_id: str, *, lines: list[Json], paid: bool, at: int) -> Json:
    return create(
        "invoice",
        {
            "id": new_id("in"),
            "status": "paid" if paid else "open",
            "parent": {"subscription_details": {"subscription": subscription_id}},
            "number": f"TEST-{uuid4().hex[:8].upper()}",
            "status_transitions": {"paid_at": at if paid else None},
            "total": sum(line["amount"] for line in lines),
            "lines": {"data": lines},
        },
    )


def line(plan: Plan, *, cents: int, period: Period) -> Json:
    return {
        "id": new_id("il"),
        "amount": cents,
        "period": {"start": period[0], "end": period[1]},
        "pricing": {"price_details": {"price": price(plan.id)["id"]}},
    }


def create_event(type_: str, data: Json, *, at: int) -> Json:
    """An event that carries a copy of the object as it is now."""
    event = {"id": new_id("evt"), "type": type_, "created": at, "data": {"object": data}}
    return create("event", event)


def price(plan_id: str) -> Json:
    return {
        "id": f"price_{plan_id}",
        "metadata": {"plan": plan_id},
        "unit_amount": PLANS[plan_id].price_cents,
    }


def nth_period(anchor: int, number: int) -> Period:
    """The period after `number` months, on the anchor's day or the month's last, as Stripe counts."""
    return _months_after(anchor, number), _months_after(anchor, number + 1)


def _months_after(anchor: int, months: int) -> int:
    begun = datetime.fromtimestamp(anchor, tz=UTC)
    years, month = divmod(begun.month - 1 + months, 12)
    year, month = begun.year + years, month + 1
    day = min(begun.day, calendar.monthrange(year, month)[1])
    return int(begun.replace(year=year, month=month, day=day).timestamp())
