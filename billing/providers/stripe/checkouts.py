"""Customers, checkout sessions and the customer portal at Stripe."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import stripe
from django.conf import settings

from accounts.models import User
from billing.models import Interval
from billing.plans import Plan, Product
from billing.providers.objects import CheckoutSession
from billing.providers.protocol import ProviderUnavailable, Urls
from billing.providers.stripe import catalogue
from billing.providers.stripe import json as stripe_json
from billing.providers.stripe.client import PAGE, Connection, plain, translated_errors

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams


class Checkouts(Connection):
    def create_customer(self, user: User, *, idempotency_key: str) -> str:
        with translated_errors():
            made = self._stripe.customers.create(
                {"email": user.email, "metadata": {"user": str(user.pk)}},
                {"idempotency_key": idempotency_key},
            )
        return made.id

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
        params: SessionCreateParams = {
            **_session(user, customer_id=customer_id, urls=urls),
            "mode": "subscription",
            "subscription_data": {"metadata": {"user": str(user.pk)}},
        }
        with translated_errors():
            price = catalogue.price_id(self._stripe, plan, interval)
            return self._open(params, price=price, idempotency_key=idempotency_key)

    def create_purchase(
        self,
        user: User,
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
        with translated_errors():
            price = catalogue.price_id(self._stripe, product)
            return self._open(params, price=price, idempotency_key=idempotency_key)

    def create_portal(self, customer_id: str, *, return_url: str) -> str:
        with translated_errors():
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
            with translated_errors():
                session = self._stripe.checkout.sessions.retrieve(checkout_id)
        except ProviderUnavailable as error:
            if isinstance(error.__cause__, stripe.InvalidRequestError):
                return None
            raise
        return stripe_json.checkout_session(plain(session))

    def checkouts_since(self, moment: datetime) -> Iterable[CheckoutSession]:
        with translated_errors():
            found = self._stripe.checkout.sessions.list(
                {
                    "created": {"gte": int(moment.timestamp())},
                    "status": "complete",
                    "limit": PAGE,
                }
            )
            for each in found.auto_paging_iter():
                yield stripe_json.checkout_session(plain(each))

    def _open(self, params: "SessionCreateParams", *, price: str, idempotency_key: str) -> str:
        session = self._stripe.checkout.sessions.create(
            {**params, "line_items": [{"price": price, "quantity": 1}]},
            {"idempotency_key": idempotency_key},
        )
        assert session.url is not None, "an open session has a page"
        return session.url


def _session(user: User, *, customer_id: str, urls: Urls) -> "SessionCreateParams":
    """Parameters of every checkout session."""
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
