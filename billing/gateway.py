"""What we ask of a payment provider, and Stripe, the provider of record: the only module that imports it.

Calls take seconds and can fail, so none is made inside a database transaction.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.utils.translation import gettext as _

from billing import stripe_objects
from billing.plans import Plan
from billing.stripe_objects import (
    CheckoutSession,
    PaidInvoice,
    Price,
    ProviderSubscription,
)

if TYPE_CHECKING:
    import stripe
    from stripe._base_address import BaseAddresses

    from accounts.models import User

API_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS = 10
# Invoices to look back at: a year of renewals and some changes of plan.
INVOICES = 24
# Where the API is, if not at Stripe's own hosts.
BASE_ADDRESSES: "BaseAddresses" = {}


class ProviderUnavailable(Exception):
    """The provider could not be reached, or refused. Nothing is known to have changed."""

    def __init__(self) -> None:
        super().__init__(_("The payment provider cannot be reached. Please try again in a minute."))


class Gateway(Protocol):
    """A payment provider. Every method may raise ProviderUnavailable.

    An `idempotency_key` makes a repeated call return the first one's outcome.
    """

    name: str

    def create_checkout(
        self, user: "User", plan: Plan, *, success_url: str, cancel_url: str, idempotency_key: str
    ) -> str:
        """Start paying for `plan`; returns the page to send the user to.

        `{CHECKOUT_SESSION_ID}` in `success_url` becomes the id for `retrieve_checkout`.
        """

    def create_portal(self, user: "User", *, return_url: str) -> str:
        """The page where a subscriber sees invoices and changes the card. Needs a subscription."""

    def retrieve_checkout(self, checkout_id: str) -> CheckoutSession | None:
        """None if there is no such session."""

    def retrieve_subscription(self, subscription_id: str) -> ProviderSubscription:
        """The subscription as it is now."""

    def paid_invoices(self, subscription_id: str) -> Sequence[PaidInvoice]:
        """The subscription's latest invoices that were paid."""

    def set_cancel_at_period_end(
        self, subscription_id: str, *, cancel: bool, idempotency_key: str
    ) -> None:
        """Let the subscription end with its period, or go on after all."""

    def end(self, subscription_id: str, *, idempotency_key: str) -> None:
        """End a subscription that is live now; nothing more is charged for it."""

    def change_plan(self, subscription_id: str, plan: Plan, *, idempotency_key: str) -> None:
        """Move to `plan` at once and invoice the difference for the rest of the period."""


def gateway() -> Gateway:
    """Stripe where a key is set, else the sandbox."""
    if settings.STRIPE_SECRET_KEY:
        return StripeGateway(settings.STRIPE_SECRET_KEY)
    from billing.sandbox import SandboxGateway

    return SandboxGateway()


@cache
def _client(key: str) -> "stripe.StripeClient":
    import stripe  # takes half a second, which a web process should not pay at its start

    return stripe.StripeClient(
        key,
        stripe_version=API_VERSION,
        base_addresses=BASE_ADDRESSES,
        max_network_retries=2,
        http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
    )


@contextmanager
def _reaching_stripe() -> Iterator[None]:
    import stripe

    try:
        yield
    except stripe.StripeError as error:
        raise ProviderUnavailable from error


class StripeGateway:
    name = "stripe"

    def __init__(self, key: str) -> None:
        self._stripe = _client(key).v1

    def create_checkout(
        self, user: "User", plan: Plan, *, success_url: str, cancel_url: str, idempotency_key: str
    ) -> str:
        with _reaching_stripe():
            session = self._stripe.checkout.sessions.create(
                {
                    "mode": "subscription",
                    "client_reference_id": str(user.pk),
                    "customer_email": user.email,
                    "line_items": [{"price": self._price_for(plan), "quantity": 1}],
                    "subscription_data": {"metadata": {"user": str(user.pk)}},
                    "success_url": success_url,
                    "cancel_url": cancel_url,
                },
                {"idempotency_key": idempotency_key},
            )
        assert session.url is not None, "an open session has a page"
        return session.url

    def create_portal(self, user: "User", *, return_url: str) -> str:
        with _reaching_stripe():
            session = self._stripe.billing_portal.sessions.create(
                {"customer": user.subscription.provider_customer_id, "return_url": return_url}
            )
        return session.url

    def retrieve_checkout(self, checkout_id: str) -> CheckoutSession | None:
        import stripe

        try:
            with _reaching_stripe():
                session = self._stripe.checkout.sessions.retrieve(checkout_id)
        except ProviderUnavailable as error:
            if isinstance(error.__cause__, stripe.InvalidRequestError):
                return None
            raise
        return stripe_objects.checkout_session(_plain(session))

    def retrieve_subscription(self, subscription_id: str) -> ProviderSubscription:
        with _reaching_stripe():
            found = self._stripe.subscriptions.retrieve(subscription_id)
        return stripe_objects.subscription(_plain(found))

    def paid_invoices(self, subscription_id: str) -> Sequence[PaidInvoice]:
        with _reaching_stripe():
            invoices = self._stripe.invoices.list(
                {"subscription": subscription_id, "status": "paid", "limit": INVOICES}
            )
            price_of = cache(self._price)
            return [
                stripe_objects.paid_invoice(_plain(invoice), price_of=price_of)
                for invoice in invoices.data
            ]

    def set_cancel_at_period_end(
        self, subscription_id: str, *, cancel: bool, idempotency_key: str
    ) -> None:
        with _reaching_stripe():
            self._stripe.subscriptions.update(
                subscription_id,
                {"cancel_at_period_end": cancel},
                {"idempotency_key": idempotency_key},
            )

    def end(self, subscription_id: str, *, idempotency_key: str) -> None:
        with _reaching_stripe():
            self._stripe.subscriptions.cancel(
                subscription_id, {}, {"idempotency_key": idempotency_key}
            )

    def change_plan(self, subscription_id: str, plan: Plan, *, idempotency_key: str) -> None:
        item_id = self.retrieve_subscription(subscription_id).item_id
        with _reaching_stripe():
            self._stripe.subscriptions.update(
                subscription_id,
                {
                    "items": [{"id": item_id, "price": self._price_for(plan)}],
                    "proration_behavior": "always_invoice",
                    # A card that is refused leaves everything as it was.
                    "payment_behavior": "error_if_incomplete",
                },
                {"idempotency_key": idempotency_key},
            )

    def _price(self, price_id: str) -> Price:
        return stripe_objects.price(_plain(self._stripe.prices.retrieve(price_id)))

    def _price_for(self, plan: Plan) -> str:
        """The id of the plan's monthly price, made if there is none."""
        lookup_key = f"{plan.id}-monthly-{plan.price_cents}"
        for known in self._stripe.prices.list({"lookup_keys": [lookup_key], "active": True}).data:
            return known.id
        made = self._stripe.prices.create(
            {
                "currency": "usd",
                "unit_amount": plan.price_cents,
                "recurring": {"interval": "month"},
                "lookup_key": lookup_key,
                "metadata": {"plan": plan.id},
                "product_data": {"name": str(plan.name), "metadata": {"plan": plan.id}},
            },
            {"idempotency_key": f"price:{lookup_key}"},
        )
        return made.id


def _plain(found: "stripe.StripeObject") -> dict[str, Any]:
    return found.to_dict(for_json=True)
