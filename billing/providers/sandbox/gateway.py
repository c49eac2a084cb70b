"""The sandbox as a `providers.gateway.Gateway`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse

from accounts.models import User
from billing.models import Interval, SandboxObject
from billing.plans import Plan, Product
from billing.providers.objects import (
    CheckoutSession,
    Event,
    Invoice,
    Price,
    ProviderSubscription,
    Returned,
    Subject,
)
from billing.providers.protocol import ProviderUnavailable, Urls
from billing.providers.sandbox import delivery, objects, subscriptions
from billing.providers.sandbox.objects import Json
from billing.providers.stripe import events, signature
from billing.providers.stripe import json as stripe_json


class SandboxGateway:
    """Answers from our own database. Its verbs are safe to repeat, so it ignores idempotency keys."""

    name = "sandbox"
    account = ""

    def create_customer(self, user: User, *, idempotency_key: str) -> str:
        return str(objects.create_customer(user_id=user.pk)["id"])

    def create_checkout(
        self,
        user: User,
        plan: Plan,
        interval: Interval,
        *,
        customer_id: str,
        urls: Urls,
        idempotency_key: str,
    ) -> str:
        session = objects.create_checkout(
            user_id=user.pk,
            customer_id=customer_id,
            name=str(plan.name),
            cents=plan.price(interval),
            metadata={"plan": plan.id, "interval": interval.value},
            success_url=urls.success,
            cancel_url=urls.cancel,
        )
        return reverse("billing:sandbox_checkout", args=[session["id"]])

    def create_purchase(
        self,
        user: User,
        product: Product,
        *,
        customer_id: str,
        urls: Urls,
        idempotency_key: str,
    ) -> str:
        session = objects.create_checkout(
            user_id=user.pk,
            customer_id=customer_id,
            name=product.name,
            cents=product.price_cents,
            metadata={"product": product.id, "unit": product.unit, "amount": str(product.amount)},
            success_url=urls.success,
            cancel_url=urls.cancel,
        )
        return reverse("billing:sandbox_checkout", args=[session["id"]])

    def create_portal(self, customer_id: str, *, return_url: str) -> str:
        return reverse("billing:sandbox_portal")

    def retrieve_checkout(self, checkout_id: str) -> CheckoutSession | None:
        found = SandboxObject.objects.filter(pk=checkout_id, type="checkout.session").first()
        return stripe_json.checkout_session(found.data) if found else None

    def retrieve_subscription(self, subscription_id: str) -> ProviderSubscription:
        found = SandboxObject.objects.filter(pk=subscription_id, type="subscription").first()
        if found is None:
            raise ProviderUnavailable
        return _subscription(found.data)

    def invoices(self, subscription_id: str) -> Sequence[Invoice]:
        rows = objects.invoices(subscription_id)
        return [stripe_json.invoice(row.data, price_of=_price) for row in rows]

    def next_invoice_cents(self, remote: ProviderSubscription) -> int | None:
        if not remote.is_live or remote.cancel_at_period_end:
            return None
        return (remote.next_price or remote.price).amounts[remote.currency]

    def require_price(self, plan: Plan, interval: Interval) -> None:
        """Its prices are the catalogue's."""

    def preview_change(
        self, remote: ProviderSubscription, plan: Plan, interval: Interval, *, at: datetime
    ) -> Invoice:
        subscription = SandboxObject.objects.get(pk=remote.id).data
        lines = subscriptions.lines_of_change(subscription, plan, interval, at=int(at.timestamp()))
        invoice = objects.draft(lines, subscription_id=remote.id)
        return stripe_json.invoice(invoice, price_of=_price)

    def change_plan(
        self,
        remote: ProviderSubscription,
        plan: Plan,
        interval: Interval,
        *,
        at: datetime,
        idempotency_key: str,
    ) -> str | None:
        waiting = subscriptions.change_plan(remote.id, plan, interval, at=int(at.timestamp()))
        return self.invoice_page(waiting) if waiting else None

    def schedule_change(
        self, remote: ProviderSubscription, plan: Plan, interval: Interval, *, idempotency_key: str
    ) -> None:
        subscriptions.schedule_change(remote.id, plan, interval)

    def unschedule(self, remote: ProviderSubscription, *, idempotency_key: str) -> None:
        subscriptions.unschedule(remote.id)

    def set_cancel_at_period_end(
        self, remote: ProviderSubscription, *, cancel: bool, idempotency_key: str
    ) -> None:
        subscriptions.set_cancel_at_period_end(remote.id, cancel=cancel)

    def end(self, remote: ProviderSubscription, *, idempotency_key: str) -> None:
        subscriptions.end(remote.id)

    def invoice_page(self, invoice_id: str) -> str:
        return reverse("billing:sandbox_invoice", args=[invoice_id])

    def invoice_pdf(self, invoice_id: str) -> str:
        return reverse("billing:sandbox_invoice_pdf", args=[invoice_id])

    def returned(self, payment_intent_id: str) -> Returned:
        refunds, disputes = (
            [row.data for row in objects.of_payment(payment_intent_id, [type_])]
            for type_ in ("refund", "dispute")
        )
        return stripe_json.returned(refunds=refunds, disputes=disputes)

    def origin_of(self, payment_intent_id: str) -> tuple[Subject, str] | None:
        session = SandboxObject.objects.filter(
            type="checkout.session", data__payment_intent=payment_intent_id
        ).first()
        if session is not None:
            return Subject.CHECKOUT, session.pk
        paid_by = [{"payment": {"payment_intent": payment_intent_id}}]
        invoice = SandboxObject.objects.filter(type="invoice", data__payments__data=paid_by).first()
        subscription_id = stripe_json.subscription_of_invoice(invoice.data) if invoice else None
        return (Subject.SUBSCRIPTION, subscription_id) if subscription_id else None

    def events_since(self, moment: datetime) -> Iterable[Event]:
        rows = SandboxObject.objects.filter(
            type="event",
            data__created__gte=int(moment.timestamp()),
            data__type__in=events.EVENT_TYPES,
        )
        return [events.from_json(row.data) for row in rows.order_by("-created_at")]

    def all_subscriptions(self) -> Iterable[ProviderSubscription]:
        for row in SandboxObject.objects.filter(type="subscription").order_by("-created_at"):
            yield _subscription(row.data)

    def checkouts_since(self, moment: datetime) -> Iterable[CheckoutSession]:
        sessions = SandboxObject.objects.filter(
            type="checkout.session",
            data__created__gte=int(moment.timestamp()),
            data__status="complete",
        )
        for row in sessions.order_by("-created_at"):
            yield stripe_json.checkout_session(row.data)

    def read_event(self, body: bytes, headers: Mapping[str, str]) -> Event:
        header = headers.get(signature.HEADER, "")
        return events.read(body, header=header, secret=delivery.secret())

    def subject_of(self, payload: Mapping[str, Any]) -> tuple[Subject, str] | None:
        return events.subject_of(payload)


def _subscription(data: Json) -> ProviderSubscription:
    schedule = objects.schedule_of(data["id"])
    expanded = {**data, "schedule": schedule.data if schedule else None}
    return stripe_json.subscription(expanded, price_of=_price)


def _price(price_id: str) -> Price:
    return stripe_json.price(objects.price_of(price_id))
