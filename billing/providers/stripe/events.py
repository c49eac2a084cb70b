"""Stripe's webhook events: verified, stripped of personal data, and mapped to their subjects."""

import json
from collections.abc import Callable
from typing import Any

from billing.providers.objects import Event, Json, Subject
from billing.providers.protocol import InvalidEvent
from billing.providers.stripe import json as stripe_json
from billing.providers.stripe import signature
from billing.providers.stripe.privacy import without_personal_data


def read(body: bytes, *, header: str, secret: str) -> Event:
    """The event in a webhook's body. Raises InvalidEvent unless it is signed, recent and complete."""
    try:
        signature.verify(body, header=header, secret=secret)
        return from_json(_parse(body))
    except (signature.InvalidSignature, ValueError) as error:
        raise InvalidEvent(str(error)) from error


def from_json(data: Json) -> Event:
    """The event without personal data."""
    return Event(id=data["id"], type=data["type"], payload=without_personal_data(data))


def subject_of(event: Json) -> tuple[Subject, str] | None:
    """The kind and the id of the event's object; None if the event changes nothing for us."""
    for prefix, subject, find in _SUBJECTS:
        if event["type"].startswith(prefix):
            found = find(event["data"]["object"])
            return (subject, found) if found else None
    return None


def _parse(body: bytes) -> dict[str, Any]:
    """The JSON object; raises ValueError if it lacks an id or a type."""
    try:
        event = json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    is_event = isinstance(event, dict) and all(
        isinstance(event.get(field), str) for field in ("id", "type")
    )
    if not is_event:
        raise ValueError("not an event")
    return event  # type: ignore[no-any-return]


def _id(found: Json) -> str:
    return found["id"]  # type: ignore[no-any-return]


def _subscription_of_schedule(schedule: Json) -> str | None:
    found: str | None = schedule["subscription"] or schedule["released_subscription"]
    return found


def _payment_intent(found: Json) -> str | None:
    return found["payment_intent"]  # type: ignore[no-any-return]


# By a prefix of the event's type.
_SUBJECTS: tuple[tuple[str, Subject, Callable[[Json], str | None]], ...] = (
    ("checkout.session.", Subject.CHECKOUT, _id),
    ("customer.subscription.", Subject.SUBSCRIPTION, _id),
    ("subscription_schedule.", Subject.SUBSCRIPTION, _subscription_of_schedule),
    ("invoice.", Subject.SUBSCRIPTION, stripe_json.subscription_of_invoice),
    ("charge.refund", Subject.PAYMENT, _payment_intent),
    ("charge.dispute.", Subject.PAYMENT, _payment_intent),
    ("refund.", Subject.PAYMENT, _payment_intent),
)
# The webhook endpoint receives these.
EVENT_TYPES = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "subscription_schedule.updated",
    "subscription_schedule.released",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.voided",
    "invoice.marked_uncollectible",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.closed",
    "charge.dispute.funds_reinstated",
    "refund.failed",
)
