"""Stripe, the provider of record."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import stripe
from django.conf import settings

from billing.models import Interval
from billing.plans import Plan, Product
from billing.providers import objects
from billing.providers.gateway import CardDeclined, ProviderUnavailable, Urls
from billing.providers.objects import (
    CheckoutSession,
    Invoice,
    Json,
    Price,
    ProviderSubscription,
    Returned,
    Subject,
)
from billing.providers.stripe import catalogue

if TYPE_CHECKING:
    from stripe.params import InvoiceCreatePreviewParams, SubscriptionUpdateParams
    from stripe.params.checkout import SessionCreateParams

    from accounts.models import User

log = logging.getLogger(__name__)

API_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS = 10
# Invoices to look back at: a year of renewals and some changes of plan.
INVOICES = 24
PAGE = 100


@cache
def client(key: str, address: str) -> stripe.StripeClient:
    """One for each key, because each keeps its connections."""
    return stripe.StripeClient(
        key,
        stripe_version=API_VERSION,
        base_addresses={"api": address} if address else {},
        max_network_retries=2,
        http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
    )


@contextmanager
def reaching_stripe() -> Iterator[None]:
    """What goes wrong inside is raised as the gateway's own exceptions."""
    try:
        yield
    except stripe.CardError as error:
        raise CardDeclined from error
    except stripe.StripeError as error:
        raise ProviderUnavailable from error
    except catalogue.NotSynchronized as error:
        log.error("%s", error)  # noqa: TRY400  # what to do is all there is to say
        raise ProviderUnavailable from error


class StripeGateway:
    name = "stripe"

    def __init__(self, key: str) -> None:
        self._stripe = client(key, settings.STRIPE_API_URL).v1
        self._price = cache(self._retrieve_price)

    def create_customer(self, user: "User", *, idempotency_key: str) -> str:
        with reaching_stripe():
            made = self._stripe.customers.create(
                {"email": user.email, "metadata": {"user": str(user.pk)}},
                {"idempotency_key": idempotency_key},
            )
        return made.id

    def create_checkout(
        self,
        user: "User",
        plan: Plan,
        interval: Interval,
        *,
        customer_id: str,
        urls: Urls,
        idempotency_key: str,
    ) -> str:
        params: SessionCreateParams = {
            **_session(user, customer_id=customer_id, urls=urls),
            "mode": "subscription",
            "subscription_data": {"metadata": {"user": str(user.pk)}},
        }
        with reaching_stripe():
            price = catalogue.price_id(self._stripe, plan, interval)
            return self._open(params, price=price, idempotency_key=idempotency_key)

    def create_purchase(
        self,
        user: "User",
        product: Product,
        *,
        customer_id: str,
        urls: Urls,
        idempotency_key: str,
    ) -> str:
        bought = {"product": product.id, "unit": product.unit, "amount": str(product.amount)}
        params: SessionCreateParams = {
            **_session(user, customer_id=customer_id, urls=urls),
            "mode": "payment",
            "metadata": bought,
            "invoice_creation": {"enabled": True, "invoice_data": {"metadata": bought}},
        }
        with reaching_stripe():
            price = catalogue.price_id(self._stripe, product)
            return self._open(params, price=price, idempotency_key=idempotency_key)

    def create_portal(self, customer_id: str, *, return_url: str) -> str:
        with reaching_stripe():
            configuration = catalogue.portal(self._stripe)
            session = self._stripe.billing_portal.sessions.create(
                {
                    "customer": customer_id,
                    "return_url": return_url,
                    **({"configuration": configuration.id} if configuration else {}),
                }
            )
        return session.url

    def retrieve_checkout(self, checkout_id: str) -> CheckoutSession | None:
        try:
            with reaching_stripe():
                session = self._stripe.checkout.sessions.retrieve(checkout_id)
        except ProviderUnavailable as error:
            if isinstance(error.__cause__, stripe.InvalidRequestError):
                return None
            raise
        return objects.checkout_session(_plain(session))

    def retrieve_subscription(self, subscription_id: str) -> ProviderSubscription:
        with reaching_stripe():
            found = self._stripe.subscriptions.retrieve(
                subscription_id, {"expand": ["schedule", "items.data.price.currency_options"]}
            )
            return objects.subscription(_plain(found), price_of=self._price)

    def invoices(self, subscription_id: str) -> Sequence[Invoice]:
        with reaching_stripe():
            found = self._stripe.invoices.list(
                {"subscription": subscription_id, "limit": INVOICES, "expand": ["data.payments"]}
            )
            return [
                objects.invoice(_plain(each), price_of=self._price)
                for each in found.data
                if each.status != "draft"
            ]

    def next_invoice_cents(self, remote: ProviderSubscription) -> int | None:
        if not remote.is_live or remote.cancel_at_period_end:
            return None
        params: InvoiceCreatePreviewParams = (
            {"schedule": remote.schedule_id} if remote.schedule_id else {"subscription": remote.id}
        )
        with reaching_stripe():
            return self._stripe.invoices.create_preview(params).amount_due

    def preview_change(
        self, remote: ProviderSubscription, plan: Plan, interval: Interval, *, at: datetime
    ) -> Invoice:
        with reaching_stripe():
            price = catalogue.price_id(self._stripe, plan, interval)
            preview = self._stripe.invoices.create_preview(
                {
                    "subscription": remote.id,
                    "subscription_details": {
                        "items": [{"id": remote.item_id, "price": price}],
                        "proration_behavior": "always_invoice",
                        "proration_date": int(at.timestamp()),
                    },
                }
            )
            return objects.invoice(_plain(preview), price_of=self._price)

    def change_plan(
        self,
        remote: ProviderSubscription,
        plan: Plan,
        interval: Interval,
        *,
        at: datetime,
        idempotency_key: str,
    ) -> str | None:
        self._release(remote, idempotency_key=idempotency_key)
        with reaching_stripe():
            price = catalogue.price_id(self._stripe, plan, interval)
            params: SubscriptionUpdateParams = {
                "items": [{"id": remote.item_id, "price": price}],
                "proration_behavior": "always_invoice",
                "proration_date": int(at.timestamp()),
                # What is not paid does not happen.
                "payment_behavior": "pending_if_incomplete",
                "expand": ["latest_invoice.payments"],
            }
            changed = self._stripe.subscriptions.update(
                remote.id, params, {"idempotency_key": idempotency_key}
            )
            if changed.pending_update is None:
                return None
            return self._page_to_confirm(_plain(changed)["latest_invoice"])

    def schedule_change(
        self, remote: ProviderSubscription, plan: Plan, interval: Interval, *, idempotency_key: str
    ) -> None:
        self._release(remote, idempotency_key=idempotency_key)
        with reaching_stripe():
            price = catalogue.price_id(self._stripe, plan, interval)
            schedule = self._stripe.subscription_schedules.create(
                {"from_subscription": remote.id}, {"idempotency_key": f"{idempotency_key}:schedule"}
            )
            now = schedule.phases[0]
            self._stripe.subscription_schedules.update(
                schedule.id,
                {
                    "phases": [
                        {
                            "items": [{"price": remote.price.id}],
                            "start_date": now.start_date,
                            "end_date": int(remote.period_end.timestamp()),
                        },
                        {"items": [{"price": price}], "duration": {"interval": interval.value}},
                    ],
                    "proration_behavior": "none",
                    "end_behavior": "release",
                },
                {"idempotency_key": idempotency_key},
            )

    def unschedule(self, remote: ProviderSubscription, *, idempotency_key: str) -> None:
        self._release(remote, idempotency_key=idempotency_key)

    def set_cancel_at_period_end(
        self, remote: ProviderSubscription, *, cancel: bool, idempotency_key: str
    ) -> None:
        self._release(remote, idempotency_key=idempotency_key)
        with reaching_stripe():
            self._stripe.subscriptions.update(
                remote.id,
                {"cancel_at_period_end": cancel},
                {"idempotency_key": idempotency_key},
            )

    def end(self, remote: ProviderSubscription, *, idempotency_key: str) -> None:
        self._release(remote, idempotency_key=idempotency_key)
        with reaching_stripe():
            self._stripe.subscriptions.cancel(remote.id, {}, {"idempotency_key": idempotency_key})
            owed = self._stripe.invoices.list({"subscription": remote.id, "status": "open"})
            for invoice in owed.data:
                self._stripe.invoices.void_invoice(invoice.id)

    # Stripe's links expire, so each is fetched when it is followed.
    def invoice_page(self, invoice_id: str) -> str:
        with reaching_stripe():
            return _required(self._stripe.invoices.retrieve(invoice_id).hosted_invoice_url)

    def invoice_pdf(self, invoice_id: str) -> str:
        with reaching_stripe():
            return _required(self._stripe.invoices.retrieve(invoice_id).invoice_pdf)

    def returned(self, payment_intent_id: str) -> Returned:
        with reaching_stripe():
            refunds = self._stripe.refunds.list(
                {"payment_intent": payment_intent_id, "limit": PAGE}
            )
            disputes = self._stripe.disputes.list({"payment_intent": payment_intent_id})
        return objects.returned(
            refunds=[_plain(each) for each in refunds.data],
            disputes=[_plain(each) for each in disputes.data],
        )

    def origin_of(self, payment_intent_id: str) -> tuple[Subject, str] | None:
        with reaching_stripe():
            payments = self._stripe.invoice_payments.list(
                {
                    "payment": {"type": "payment_intent", "payment_intent": payment_intent_id},
                    "expand": ["data.invoice"],
                }
            )
            for payment in payments.data:
                invoice = _plain(payment)["invoice"]
                if subscription_id := objects.subscription_of_invoice(invoice):
                    return Subject.SUBSCRIPTION, subscription_id
            sessions = self._stripe.checkout.sessions.list({"payment_intent": payment_intent_id})
        return next(((Subject.CHECKOUT, session.id) for session in sessions.data), None)

    def events_since(self, moment: datetime) -> Iterable[Json]:
        with reaching_stripe():
            events = self._stripe.events.list(
                {
                    "created": {"gte": int(moment.timestamp())},
                    "types": list(objects.EVENT_TYPES),
                    "limit": PAGE,
                }
            )
            return [_plain(event) for event in events.auto_paging_iter()]

    def all_subscriptions(self) -> Iterable[ProviderSubscription]:
        with reaching_stripe():
            found = self._stripe.subscriptions.list(
                {"status": "all", "limit": PAGE, "expand": ["data.schedule"]}
            )
            for each in found.auto_paging_iter():
                yield objects.subscription(_plain(each), price_of=self._price)

    def checkouts_since(self, moment: datetime) -> Iterable[CheckoutSession]:
        with reaching_stripe():
            found = self._stripe.checkout.sessions.list(
                {
                    "created": {"gte": int(moment.timestamp())},
                    "status": "complete",
                    "limit": PAGE,
                }
            )
            for each in found.auto_paging_iter():
                yield objects.checkout_session(_plain(each))

    def _open(self, params: "SessionCreateParams", *, price: str, idempotency_key: str) -> str:
        session = self._stripe.checkout.sessions.create(
            {**params, "line_items": [{"price": price, "quantity": 1}]},
            {"idempotency_key": idempotency_key},
        )
        assert session.url is not None, "an open session has a page"
        return session.url

    def _release(self, remote: ProviderSubscription, *, idempotency_key: str) -> None:
        """Take the subscription out of its schedule's hands: as long as it is there, Stripe refuses changes."""
        if remote.schedule_id is None:
            return
        with reaching_stripe():
            self._stripe.subscription_schedules.release(
                remote.schedule_id, {}, {"idempotency_key": f"{idempotency_key}:release"}
            )

    def _page_to_confirm(self, invoice: Json) -> str:
        """Where the bank asks the customer. Raises CardDeclined, having dropped the change, if it need not."""
        intent_id = objects.payment_intent_of(invoice)
        intent = self._stripe.payment_intents.retrieve(intent_id) if intent_id else None
        if intent is not None and intent.status == "requires_action":
            return str(invoice["hosted_invoice_url"])
        self._stripe.invoices.void_invoice(invoice["id"])
        raise CardDeclined

    def _retrieve_price(self, price_id: str) -> Price:
        price = self._stripe.prices.retrieve(price_id, {"expand": ["currency_options"]})
        return objects.price(_plain(price))


def _session(user: "User", *, customer_id: str, urls: Urls) -> "SessionCreateParams":
    """What every checkout has."""
    params: SessionCreateParams = {
        "client_reference_id": str(user.pk),
        "customer": customer_id,
        "success_url": urls.success,
        "cancel_url": urls.cancel,
        "allow_promotion_codes": True,
    }
    if settings.STRIPE_TAX:
        params |= {
            "automatic_tax": {"enabled": True},
            "tax_id_collection": {"enabled": True},
            "customer_update": {"address": "auto", "name": "auto"},
        }
    return params


def _required(url: str | None) -> str:
    """Drafts have no pages yet."""
    if url is None:
        raise ProviderUnavailable
    return url


def _plain(found: stripe.StripeObject) -> dict[str, Any]:
    return found.to_dict(for_json=True)
