"""The provider used when no Stripe key is set: checkout pages marked as a test, and no money.

It stands on the other side of the same wires: it keeps Stripe-shaped objects of its own, answers the
gateway's questions from them, and posts signed events to our webhook over HTTP.
"""

import json
import time
import urllib.request
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from billing import sandbox_objects, signature, stripe_objects, tasks
from billing.models import SandboxObject
from billing.plans import PLANS, Plan
from billing.sandbox_objects import Json
from billing.stripe_objects import (
    CheckoutSession,
    PaidInvoice,
    Price,
    ProviderSubscription,
)

if TYPE_CHECKING:
    from accounts.models import User

DELIVERY_TIMEOUT_SECONDS = 10


class SandboxGateway:
    """A `gateway.Gateway` that answers from our own database. Its verbs set states, so keys are not needed."""

    name = "sandbox"

    def create_checkout(
        self, user: "User", plan: Plan, *, success_url: str, cancel_url: str, idempotency_key: str
    ) -> str:
        session = sandbox_objects.create_checkout(
            user_id=user.pk, plan=plan, success_url=success_url, cancel_url=cancel_url
        )
        return reverse("billing:sandbox_checkout", args=[session["id"]])

    def create_portal(self, user: "User", *, return_url: str) -> str:
        return reverse("billing:sandbox_portal")

    def retrieve_checkout(self, checkout_id: str) -> CheckoutSession | None:
        found = SandboxObject.objects.filter(pk=checkout_id, type="checkout.session").first()
        return stripe_objects.checkout_session(found.data) if found else None

    def retrieve_subscription(self, subscription_id: str) -> ProviderSubscription:
        found = SandboxObject.objects.get(pk=subscription_id, type="subscription")
        return stripe_objects.subscription(found.data)

    def paid_invoices(self, subscription_id: str) -> Sequence[PaidInvoice]:
        paid = invoices(subscription_id).filter(data__status="paid")
        return [stripe_objects.paid_invoice(row.data, price_of=_price) for row in paid]

    def set_cancel_at_period_end(
        self, subscription_id: str, *, cancel: bool, idempotency_key: str
    ) -> None:
        with transaction.atomic():
            row = _lock(subscription_id)
            row.data["cancel_at_period_end"] = cancel
            _save(row, "customer.subscription.updated")

    def end(self, subscription_id: str, *, idempotency_key: str) -> None:
        with transaction.atomic():
            row = _lock(subscription_id)
            row.data["status"] = "canceled"
            _save(row, "customer.subscription.deleted")

    def change_plan(self, subscription_id: str, plan: Plan, *, idempotency_key: str) -> None:
        with transaction.atomic():
            row = _lock(subscription_id)
            item = row.data["items"]["data"][0]
            was = PLANS[item["price"]["metadata"]["plan"]]
            if was == plan:
                return
            item["price"] = sandbox_objects.price(plan.id)
            _save(row, "customer.subscription.updated")
            period = item["current_period_start"], item["current_period_end"]
            left = (period[1] - _now()) / (period[1] - period[0])
            credit = sandbox_objects.line(was, cents=-round(was.price_cents * left), period=period)
            charge = sandbox_objects.line(plan, cents=round(plan.price_cents * left), period=period)
            _bill(subscription_id, lines=[credit, charge])


def pay(checkout_id: str) -> str:
    """Complete a checkout as a good card would; returns the page to go on to. Safe to call twice."""
    with transaction.atomic():
        session = _lock(checkout_id)
        if session.data["status"] == "open":
            plan = PLANS[session.data["metadata"]["plan"]]
            subscription = sandbox_objects.create_subscription(
                user_id=session.data["client_reference_id"], plan=plan, at=_now()
            )
            _emit("customer.subscription.created", subscription)
            line = sandbox_objects.line(plan, cents=plan.price_cents, period=_period(subscription))
            _bill(subscription["id"], lines=[line])
            session.data |= {"status": "complete", "subscription": subscription["id"]}
            _save(session, "checkout.session.completed")
        return str(session.data["success_url"])


def renew(subscription_id: str, *, card_works: bool = True) -> None:
    """End the period, as the passing of a month does: bill the next one, or cancel where that was asked."""
    with transaction.atomic():
        row = _lock(subscription_id)
        if row.data["status"] != "active":
            return
        if row.data["cancel_at_period_end"]:
            row.data["status"] = "canceled"
            _save(row, "customer.subscription.deleted")
            return
        item = row.data["items"]["data"][0]
        row.data["periods"] += 1
        period = sandbox_objects.nth_period(row.data["billing_cycle_anchor"], row.data["periods"])
        item["current_period_start"], item["current_period_end"] = period
        row.data["status"] = "active" if card_works else "past_due"
        _save(row, "customer.subscription.updated")
        plan = PLANS[item["price"]["metadata"]["plan"]]
        line = sandbox_objects.line(plan, cents=plan.price_cents, period=period)
        _bill(subscription_id, lines=[line], paid=card_works)


def recover(subscription_id: str) -> None:
    """Pay what is open of a subscription that is past due, as a new card would."""
    with transaction.atomic():
        row = _lock(subscription_id)
        row.data["status"] = "active"
        _save(row, "customer.subscription.updated")
        for invoice in invoices(subscription_id).filter(data__status="open"):
            invoice.data["status"] = "paid"
            invoice.data["status_transitions"]["paid_at"] = _now()
            _save(invoice, "invoice.paid")


def renew_due() -> int:
    """Renew every subscription whose period is over, by one period; returns how many there were."""
    active = SandboxObject.objects.filter(type="subscription", data__status="active")
    due = active.filter(data__items__data__0__current_period_end__lte=_now())
    ids = list(due.values_list("pk", flat=True))
    for subscription_id in ids:
        renew(subscription_id)
    return len(ids)


def invoices(subscription_id: str) -> QuerySet[SandboxObject]:
    """All invoices of a subscription, the latest first."""
    return SandboxObject.objects.filter(
        type="invoice", data__parent__subscription_details__subscription=subscription_id
    ).order_by("-created_at")


def deliver(event_id: str) -> None:
    """Post an event to our webhook, signed. Raises OSError unless it was accepted."""
    event = SandboxObject.objects.get(pk=event_id, type="event")
    payload = json.dumps(event.data).encode()
    request = urllib.request.Request(  # noqa: S310  # our own address
        settings.SITE_URL.rstrip("/") + reverse("billing:webhook"),
        data=payload,
        headers={
            "Content-Type": "application/json",
            "Stripe-Signature": signature.sign(payload, at=int(time.time())),
        },
    )
    with urllib.request.urlopen(request, timeout=DELIVERY_TIMEOUT_SECONDS):  # noqa: S310  # same
        pass


def _bill(subscription_id: str, *, lines: list[Json], paid: bool = True) -> None:
    invoice = sandbox_objects.create_invoice(subscription_id, lines=lines, paid=paid, at=_now())
    _emit("invoice.paid" if paid else "invoice.payment_failed", invoice)


def _save(row: SandboxObject, event_type: str) -> None:
    row.save(update_fields=["data"])
    _emit(event_type, row.data)


def _emit(event_type: str, data: Json) -> None:
    event = sandbox_objects.create_event(event_type, data, at=_now())
    transaction.on_commit(partial(tasks.ring, tasks.deliver_sandbox_event, event["id"]))


def _lock(object_id: str) -> SandboxObject:
    return SandboxObject.objects.select_for_update().get(pk=object_id)


def _period(subscription: Json) -> sandbox_objects.Period:
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def _price(price_id: str) -> Price:
    return stripe_objects.price(sandbox_objects.price(price_id.removeprefix("price_")))


def _now() -> int:
    return int(timezone.now().timestamp())
