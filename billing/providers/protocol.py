"""The interface of a payment provider.

Calls take seconds and can fail, so none is made inside a database transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.utils.translation import gettext as _

from accounts.models import User
from billing.models import Interval
from billing.plans import Plan, Product
from billing.providers.objects import (
    CheckoutSession,
    Event,
    Invoice,
    Json,
    ProviderSubscription,
    Returned,
    Subject,
)


class ProviderUnavailable(Exception):
    """There was no answer, or a refusal. A call that timed out may have had an effect there.

    Our rows are unchanged: the next event or `synchronize` brings what happened.
    """

    def __init__(self) -> None:
        super().__init__(self.text())

    def text(self) -> str:
        return _("The payment provider cannot be reached. Please try again in a minute.")


class ProviderRefused(ProviderUnavailable):
    """The provider answered, and refused the request. Another try would be refused, too."""

    def text(self) -> str:
        return _(
            "The payment provider refused this request. Please contact us: the reason is in our log."
        )


class NoSuchObject(ProviderRefused):
    """The provider has no object of this id, or it belongs to another account."""


class NoSuchCustomer(NoSuchObject):
    """The customer was deleted at the provider, or belongs to another account."""


class CardDeclined(Exception):
    """The card was refused. Nothing was charged; a scheduled change may be gone."""

    def __init__(self) -> None:
        super().__init__(_("Your card was declined. Nothing was charged."))


class InvalidEvent(Exception):
    """The body of a webhook call is not a signed, recent event of this provider."""


@dataclass(frozen=True, kw_only=True)
class Urls:
    """Our pages after a checkout; the provider puts the id for `{CHECKOUT_SESSION_ID}` in `success`."""

    success: str
    cancel: str


class Gateway(Protocol):
    """A connection to a payment provider. Every method but the last two may raise ProviderUnavailable.

    Methods that take a `customer_id` may raise NoSuchCustomer.
    An `idempotency_key` makes a repeated call return the first call's outcome.
    """

    name: str

    @property
    def account(self) -> str:
        """The account and mode that all ids belong to, as `models.accounts` describes them.

        Empty at a provider that has only one.

        Raises ProviderUnavailable.
        """

    def create_customer(self, user: User, *, idempotency_key: str) -> str:
        """Create a customer for the user; returns its id."""

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
        """Open a checkout session for a subscription; returns the URL of its page."""

    def create_purchase(
        self,
        user: User,
        product: Product,
        *,
        customer_id: str,
        urls: Urls,
        idempotency_key: str,
    ) -> str:
        """Open a checkout session for a single payment; returns the URL of its page."""

    def create_portal(self, customer_id: str, *, return_url: str) -> str:
        """Open the customer portal, for the card and the invoice address; returns its URL."""

    def retrieve_checkout(self, checkout_id: str) -> CheckoutSession | None:
        """The checkout session; None if the id is unknown."""

    def retrieve_subscription(self, subscription_id: str) -> ProviderSubscription:
        """The subscription's present state."""

    def invoices(self, subscription_id: str) -> Sequence[Invoice]:
        """The subscription's latest invoices except drafts, the newest first."""

    def next_invoice_cents(self, remote: ProviderSubscription) -> int | None:
        """The amount of the next invoice; None if the subscription ends before."""

    def require_price(self, plan: Plan, interval: Interval) -> None:
        """Raises ProviderRefused if the provider has no such price."""

    def preview_change(
        self, remote: ProviderSubscription, plan: Plan, interval: Interval, *, at: datetime
    ) -> Invoice:
        """A preview of the invoice for a change of plan `at` that moment."""

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

        Withdraws a cancellation, too. Returns the URL of a page if the bank wants the customer to
        confirm the payment first: plan and cancellation stay as they are until then.
        """

    def schedule_change(
        self, remote: ProviderSubscription, plan: Plan, interval: Interval, *, idempotency_key: str
    ) -> None:
        """Move to `plan` when the period ends. Replaces an earlier scheduled change."""

    def unschedule(self, remote: ProviderSubscription, *, idempotency_key: str) -> None:
        """Drop the scheduled change of plan."""

    def set_cancel_at_period_end(
        self, remote: ProviderSubscription, *, cancel: bool, idempotency_key: str
    ) -> None:
        """Set or clear the cancellation at the period's end. Drops a scheduled change."""

    def end(self, remote: ProviderSubscription, *, idempotency_key: str) -> None:
        """Cancel the subscription now and void its open invoices."""

    def invoice_page(self, invoice_id: str) -> str:
        """The URL of the page for paying an open invoice or confirming its payment."""

    def invoice_pdf(self, invoice_id: str) -> str:
        """The URL of the invoice's PDF."""

    def returned(self, payment_intent_id: str) -> Returned:
        """The refunded and the disputed amount of a payment. Raises NoSuchObject."""

    def origin_of(self, payment_intent_id: str) -> tuple[Subject, str] | None:
        """The payment's subscription or checkout session; None if neither is ours."""

    def events_since(self, moment: datetime) -> Iterable[Event]:
        """The events of the types that the webhook receives, the newest first."""

    def all_subscriptions(self) -> Iterable[ProviderSubscription]:
        """Every subscription, ended ones included."""

    def checkouts_since(self, moment: datetime) -> Iterable[CheckoutSession]:
        """Every completed checkout session that was opened since."""

    def read_event(self, body: bytes, headers: Mapping[str, str]) -> Event:
        """The event in the body of a webhook call. Raises InvalidEvent."""

    def subject_of(self, payload: Json) -> tuple[Subject, str] | None:
        """The kind and the id of the event's object; None if the event changes nothing for us."""


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A payment provider. `connect` may load the provider's library, everything else is cheap."""

    is_configured: Callable[[], bool]
    connect: Callable[[], Gateway]
    # No money moves: its pages are ours, and payments are tests.
    is_sandbox: bool = False
    # Origins of the pages to which one of our posted forms may redirect.
    origins: tuple[str, ...] = ()
