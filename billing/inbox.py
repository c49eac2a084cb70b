"""The provider's events: stored once, then each processed until it worked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, F, Min, Q
from django.utils import timezone

from billing import stripe_objects, subscriptions
from billing.models import StripeEvent

MAX_ATTEMPTS = 20


@dataclass(frozen=True)
class Backlog:
    """Events that are still to be processed: `failed` of them at least once, `given_up` for good.

    `lag` is the age of the oldest that is not given up.
    """

    waiting: int
    failed: int
    given_up: int
    lag: timedelta


def backlog() -> Backlog:
    """What is not processed. One query, whose cost grows with that alone."""
    hopeless = Q(attempts__gte=MAX_ATTEMPTS)
    found = StripeEvent.objects.filter(processed_at=None).aggregate(
        waiting=Count("pk", filter=~hopeless),
        failed=Count("pk", filter=~hopeless & Q(attempts__gt=0)),
        given_up=Count("pk", filter=hopeless),
        since=Min("received_at", filter=~hopeless),
    )
    since = found.pop("since")
    return Backlog(lag=timezone.now() - since if since else timedelta(0), **found)


def store(event: Mapping[str, Any]) -> bool:
    """Keep an event that came in; False if it was there already."""
    row = StripeEvent(id=event["id"], type=event["type"], payload=event)
    known = StripeEvent.objects.filter(pk=row.pk).exists()
    StripeEvent.objects.bulk_create([row], ignore_conflicts=True)
    return not known


def process(event_id: str) -> None:
    """Bring what the event is about up to date; safe to call again. Keeps and raises what went wrong.

    Of the payload only the subscription's id is used: an event may be old, so its object is re-read.
    """
    event = StripeEvent.objects.get(pk=event_id)
    if event.processed_at is not None:
        return
    attempted = StripeEvent.objects.filter(pk=event_id)
    attempted.update(attempts=F("attempts") + 1)
    try:
        subscription_id = stripe_objects.subscription_id_of(event.payload)
        if subscription_id is not None:
            subscriptions.synchronize(subscription_id)
    except Exception as error:
        attempted.update(error=f"{type(error).__name__}: {error}")
        raise
    attempted.update(processed_at=timezone.now(), error="")


def waiting() -> list[str]:
    """The ids of the events that are still to be processed, the oldest first, at most a hundred."""
    rows = StripeEvent.objects.filter(processed_at=None, attempts__lt=MAX_ATTEMPTS)
    return list(rows.order_by("received_at").values_list("pk", flat=True)[:100])
