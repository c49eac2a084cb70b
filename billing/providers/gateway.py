"""What we ask of a payment provider.

Calls take seconds and can fail, so none is made inside a database transaction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from django.conf import settings
from django.utils.translation import gettext as _

from billing.models import Interval
from billing.plans import Plan, Product
from billing.providers.objects import (
    CheckoutSession,
    Invoice,
    Json,
    ProviderSubscription,
    Returned,
    Subject,
)

if TYPE_CHECKING:
    from accounts.models import User


class ProviderUnavailable(Exception):
    """The provider could not be reached, or refused. Nothing is known to have changed."""

    def __init__(self) -> None:
        super().__init__(_("The payment provider cannot be reached. Please try again in a minute."))


class CardDeclined(Exception):
    """The card was refused, and everything is as it was."""

    def __init__(self) -> None:
        super().__init__(_("Your card was declined. Nothing was charged and nothing has changed."))


@dataclass(frozen=True, kw_only=True)
class Urls:
    """Where the provider's pages lead back to; `{CHECKOUT_SESSION_ID}` in `success` becomes the id."""

    success: str
    cancel: str


class Gateway(Protocol):
    """A payment provider. Every method may raise ProviderUnavailable.

    An `idempotency_key` makes a repeated call return the first one's outcome.
    """

    name: str

    def create_customer(self, user: "User", *, idempotency_key: str) -> str:
        """Make the user known; returns the customer's id."""

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
        """Start paying for `plan`; returns the page to send the user to."""

    def create_purchase(
        self,
        user: "User",
        product: Product,
        *,
        customer_id: str,
        urls: Urls,
        idempotency_key: str,
    ) -> str:
        """Start paying once for `product`; returns the page to send the user to."""

    def create_portal(self, customer_id: str, *, return_url: str) -> str:
        """The page where a customer changes the card and the address on invoices."""

    def retrieve_checkout(self, checkout_id: str) -> CheckoutSession | None:
        """None if there is no such session."""

    def retrieve_subscription(self, subscription_id: str) -> ProviderSubscription:
        """The subscription as it is now."""

    def invoices(self, subscription_id: str) -> Sequence[Invoice]:
        """The subscription's latest invoices that are no drafts any more, the newest first."""

    def next_invoice_cents(self, remote: ProviderSubscription) -> int | None:
        """What the next invoice will come to; None if there will be none."""

    def preview_change(
        self, remote: ProviderSubscription, plan: Plan, interval: Interval, *, at: datetime
    ) -> Invoice:
        """The invoice that a change of plan would bring at that moment."""

    def change_plan(
        self,
        remote: ProviderSubscription,
        plan: Plan,
        interval: Interval,
        *,
        at: datetime,
        idempotency_key: str,
    ) -> str | None:
        """Move to `plan` at once, and invoice the difference as of `at`. Raises CardDeclined.

        Returns the page where the customer has to confirm the payment first, if the bank wants that;
        until then everything stays as it is.
        """

    def schedule_change(
        self, remote: ProviderSubscription, plan: Plan, interval: Interval, *, idempotency_key: str
    ) -> None:
        """Move to `plan` when the period ends, in place of what was to change then."""

    def unschedule(self, remote: ProviderSubscription, *, idempotency_key: str) -> None:
        """Let the plan stay as it is when the period ends."""

    def set_cancel_at_period_end(
        self, remote: ProviderSubscription, *, cancel: bool, idempotency_key: str
    ) -> None:
        """Let the subscription end with its period, in place of what was to change then, or go on."""

    def end(self, remote: ProviderSubscription, *, idempotency_key: str) -> None:
        """End the subscription now, and give up what is owed for it."""

    def invoice_page(self, invoice_id: str) -> str:
        """The page where an open invoice is paid, and a payment confirmed with the bank."""

    def invoice_pdf(self, invoice_id: str) -> str:
        """Where the invoice can be downloaded."""

    def returned(self, payment_intent_id: str) -> Returned:
        """What of a payment was refunded, or is held back by a dispute."""

    def origin_of(self, payment_intent_id: str) -> tuple[Subject, str] | None:
        """The subscription or checkout that a payment was for; None if it is not of our making."""

    def events_since(self, moment: datetime) -> Iterable[Json]:
        """The events of the types that concern us, the newest first."""

    def all_subscriptions(self) -> Iterable[ProviderSubscription]:
        """Every subscription that there is, also those that ended."""

    def checkouts_since(self, moment: datetime) -> Iterable[CheckoutSession]:
        """Every checkout that was completed of those that began since."""


def gateway() -> Gateway:
    """Stripe where a key is set, else the sandbox."""
    if settings.STRIPE_SECRET_KEY:
        from billing.providers.stripe.gateway import StripeGateway

        return StripeGateway(settings.STRIPE_SECRET_KEY)
    from billing.providers.sandbox import SandboxGateway

    return SandboxGateway()
