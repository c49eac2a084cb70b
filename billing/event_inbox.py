"""The provider's webhook events: stored once, processed until it works, and fetched if they never came."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, F, Min, Q
from django.utils import timezone

from billing import checkouts, payments, subscriptions
from billing.models import CatchUp, StripeEvent
from billing.providers import gateway
from billing.providers.objects import Event, Subject

# Events come out of order, so each catch-up begins before the last one ended.
OVERLAP = timedelta(hours=2)
# The provider forgets events after thirty days.
FIRST_LOOK = timedelta(days=29)


@dataclass(frozen=True)
class Backlog:
    """Counts of unprocessed events. `failed` is a part of `waiting`; `given_up` is not.

    `lag` is the age of the oldest waiting event.
    """

    waiting: int
    failed: int
    given_up: int
    lag: timedelta


def backlog() -> Backlog:
    """The unprocessed events. One query over an index of those alone."""
    hopeless = Q(attempts__gte=StripeEvent.MAX_ATTEMPTS)
    found = StripeEvent.objects.filter(processed_at=None).aggregate(
        waiting=Count("pk", filter=~hopeless),
        failed=Count("pk", filter=~hopeless & Q(attempts__gt=0)),
        given_up=Count("pk", filter=hopeless),
        since=Min("received_at", filter=~hopeless),
    )
    since = found.pop("since")
    return Backlog(lag=timezone.now() - since if since else timedelta(0), **found)


def store(event: Event) -> bool:
    """Keep an event; False if it is known already. The caller has it processed."""
    row = StripeEvent(id=event.id, type=event.type, payload=event.payload)
    known = StripeEvent.objects.filter(pk=row.pk).exists()
    StripeEvent.objects.bulk_create([row], ignore_conflicts=True)
    return not known


def process(event_id: str) -> None:
    """Synchronize the event's object. Safe to repeat. Keeps the error of a failure, and raises it.

    Only the id is taken from the payload: an event may be old, so its object is read again.
    """
    event = StripeEvent.objects.get(pk=event_id)
    if event.processed_at is not None:
        return
    attempted = StripeEvent.objects.filter(pk=event_id)
    attempted.update(attempts=F("attempts") + 1)
    event.attempts += 1
    try:
        subject = gateway().subject_of(event.payload)
        if subject is not None:
            _VERBS[subject[0]](subject[1])
    except Exception as error:
        event.postpone(error=f"{type(error).__name__}: {error}")
        raise
    attempted.update(processed_at=timezone.now(), error="")


def catch_up() -> int:
    """Store the events that the webhook missed; returns their number. Raises ProviderUnavailable.

    The caller has them processed.
    """
    provider = gateway()
    began = timezone.now()
    last = CatchUp.objects.filter(provider=provider.name).first()
    since = last.until - OVERLAP if last else began - FIRST_LOOK
    # The oldest first, as they would have come.
    missed = sum(store(event) for event in reversed(list(provider.events_since(since))))
    CatchUp.objects.update_or_create(provider=provider.name, defaults={"until": began})
    return missed


def _synchronize_payment(payment_intent_id: str) -> None:
    """Synchronize refunds and disputes; first the payment itself, if its event is late."""
    if not payments.is_known(payment_intent_id):
        origin = gateway().origin_of(payment_intent_id)
        if origin is None:
            return
        _VERBS[origin[0]](origin[1])
    payments.synchronize(payment_intent_id)


_VERBS: Mapping[Subject, Callable[[str], object]] = {
    Subject.CHECKOUT: checkouts.synchronize,
    Subject.SUBSCRIPTION: subscriptions.synchronize,
    Subject.PAYMENT: _synchronize_payment,
}
