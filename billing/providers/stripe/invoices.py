"""Invoices and payments at Stripe."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from billing.models import Interval
from billing.plans import Plan
from billing.providers.objects import Invoice, ProviderSubscription, Returned, Subject
from billing.providers.protocol import ProviderUnavailable
from billing.providers.stripe import catalogue
from billing.providers.stripe import json as stripe_json
from billing.providers.stripe.client import PAGE, Connection, plain, translated_errors

if TYPE_CHECKING:
    from stripe.params import InvoiceCreatePreviewParams


# A year of renewals and some changes of plan.
INVOICES = 24


class Invoices(Connection):
    def invoices(self, subscription_id: str) -> Sequence[Invoice]:
        with translated_errors():
            found = self._stripe.invoices.list(
                {"subscription": subscription_id, "limit": INVOICES, "expand": ["data.payments"]}
            )
            return [
                stripe_json.invoice(plain(each), price_of=self._price)
                for each in found.data
                if each.status != "draft"
            ]

    def next_invoice_cents(self, remote: ProviderSubscription) -> int | None:
        if not remote.is_live or remote.cancel_at_period_end:
            return None
        params: InvoiceCreatePreviewParams = (
            {"schedule": remote.schedule_id} if remote.schedule_id else {"subscription": remote.id}
        )
        with translated_errors():
            return self._stripe.invoices.create_preview(params).amount_due

    def preview_change(
        self, remote: ProviderSubscription, plan: Plan, interval: Interval, *, at: datetime
    ) -> Invoice:
        with translated_errors():
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
            return stripe_json.invoice(plain(preview), price_of=self._price)

    # Stripe's links expire, so each is fetched when it is followed.
    def invoice_page(self, invoice_id: str) -> str:
        with translated_errors():
            return _required(self._stripe.invoices.retrieve(invoice_id).hosted_invoice_url)

    def invoice_pdf(self, invoice_id: str) -> str:
        with translated_errors():
            return _required(self._stripe.invoices.retrieve(invoice_id).invoice_pdf)

    def returned(self, payment_intent_id: str) -> Returned:
        with translated_errors():
            refunds = self._stripe.refunds.list(
                {"payment_intent": payment_intent_id, "limit": PAGE}
            )
            disputes = self._stripe.disputes.list({"payment_intent": payment_intent_id})
        return stripe_json.returned(
            refunds=[plain(each) for each in refunds.data],
            disputes=[plain(each) for each in disputes.data],
        )

    def origin_of(self, payment_intent_id: str) -> tuple[Subject, str] | None:
        with translated_errors():
            payments = self._stripe.invoice_payments.list(
                {
                    "payment": {"type": "payment_intent", "payment_intent": payment_intent_id},
                    "expand": ["data.invoice"],
                }
            )
            for payment in payments.data:
                invoice = plain(payment)["invoice"]
                if subscription_id := stripe_json.subscription_of_invoice(invoice):
                    return Subject.SUBSCRIPTION, subscription_id
            sessions = self._stripe.checkout.sessions.list({"payment_intent": payment_intent_id})
        return next(((Subject.CHECKOUT, session.id) for session in sessions.data), None)


def _required(url: str | None) -> str:
    """Drafts have no pages yet."""
    if url is None:
        raise ProviderUnavailable
    return url
