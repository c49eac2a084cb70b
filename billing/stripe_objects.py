"""The few fields that we read of a provider's objects, taken from Stripe's JSON.

The sandbox keeps objects of the same shape, so this is the one place that knows it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from billing.models import LIVE, Subscription

Json = Mapping[str, Any]

STATUSES: Mapping[str, Subscription.Status] = {
    "incomplete": Subscription.Status.INCOMPLETE,
    "incomplete_expired": Subscription.Status.CANCELED,
    "trialing": Subscription.Status.ACTIVE,
    "active": Subscription.Status.ACTIVE,
    "past_due": Subscription.Status.PAST_DUE,
    "unpaid": Subscription.Status.PAST_DUE,
    "paused": Subscription.Status.PAST_DUE,
    "canceled": Subscription.Status.CANCELED,
}


@dataclass(frozen=True, kw_only=True)
class Price:
    """A recurring price at the provider: what a full period of `plan` costs. Never changes."""

    id: str
    plan: str
    cents: int


@dataclass(frozen=True, kw_only=True)
class CheckoutSession:
    """`subscription_id` is None until the session was paid."""

    id: str
    user_id: int
    subscription_id: str | None


@dataclass(frozen=True, kw_only=True)
class ProviderSubscription:
    """`user_id` is None for a subscription that was not made by our checkout."""

    id: str
    customer_id: str
    user_id: int | None
    item_id: str
    plan: str
    status: Subscription.Status
    period_start: datetime
    period_end: datetime
    cancel_at_period_end: bool

    @property
    def is_live(self) -> bool:
        return self.status in LIVE


@dataclass(frozen=True, kw_only=True)
class InvoiceLine:
    """What was billed for (part of) a period, before discounts and tax; below zero for a credit."""

    id: str
    price: Price
    cents: int
    period_end: datetime

    def share(self, whole: int) -> int:
        """The part of `whole`, a full period's worth, that the line bills of a full period's price."""
        return whole * self.cents // self.price.cents


@dataclass(frozen=True, kw_only=True)
class PaidInvoice:
    """`cents` were paid in all, after discounts and with tax."""

    id: str
    number: str
    cents: int
    paid_at: datetime
    lines: tuple[InvoiceLine, ...]


@dataclass(frozen=True, kw_only=True)
class Payment:
    """What a receipt says, or the letter that a card was refused; `reference` tells one from another."""

    reference: str
    product: str
    number: str
    cents: int
    paid_at: datetime | None


def checkout_session(data: Json) -> CheckoutSession:
    return CheckoutSession(
        id=data["id"],
        user_id=int(data["client_reference_id"]),
        subscription_id=data["subscription"],
    )


def price(data: Json) -> Price:
    return Price(id=data["id"], plan=data["metadata"]["plan"], cents=data["unit_amount"])


def subscription(data: Json) -> ProviderSubscription:
    item = data["items"]["data"][0]
    user_id = data["metadata"].get("user")
    return ProviderSubscription(
        id=data["id"],
        customer_id=data["customer"],
        user_id=int(user_id) if user_id else None,
        item_id=item["id"],
        plan=price(item["price"]).plan,
        status=STATUSES[data["status"]],
        period_start=moment(item["current_period_start"]),
        period_end=moment(item["current_period_end"]),
        # The portal ends a subscription by date, our own buttons by the flag.
        cancel_at_period_end=data["cancel_at_period_end"] or data["cancel_at"] is not None,
    )


def paid_invoice(data: Json, *, price_of: Callable[[str], Price]) -> PaidInvoice:
    """The invoice with its lines; `price_of` finds a price by its id."""
    lines = (
        InvoiceLine(
            id=line["id"],
            price=price_of(line["pricing"]["price_details"]["price"]),
            cents=line["amount"],
            period_end=moment(line["period"]["end"]),
        )
        for line in data["lines"]["data"]
    )
    return PaidInvoice(
        id=data["id"],
        number=data["number"],
        cents=data["total"],
        paid_at=moment(data["status_transitions"]["paid_at"]),
        lines=tuple(lines),
    )


def subscription_id_of(event: Json) -> str | None:
    """The subscription that an event is about, None for events that don't concern one."""
    find = _SUBSCRIPTION_IDS.get(event["type"])
    return find(event["data"]["object"]) if find else None


def moment(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp, tz=UTC)


def _of_checkout(session: Json) -> str | None:
    return session["subscription"]  # type: ignore[no-any-return]


def _of_subscription(subscription: Json) -> str:
    return subscription["id"]  # type: ignore[no-any-return]


def _of_invoice(invoice: Json) -> str | None:
    parent = invoice["parent"] or {}
    return (parent.get("subscription_details") or {}).get("subscription")


_SUBSCRIPTION_IDS: Mapping[str, Callable[[Json], str | None]] = {
    "checkout.session.completed": _of_checkout,
    "customer.subscription.created": _of_subscription,
    "customer.subscription.updated": _of_subscription,
    "customer.subscription.deleted": _of_subscription,
    "invoice.paid": _of_invoice,
    "invoice.payment_failed": _of_invoice,
}
