"""Celery tasks. A message may be lost, late or repeated: beat sends it again while work remains."""

import logging

from celery import shared_task
from django.utils import timezone

from billing import (
    event_inbox,
    ledger,
    notifications,
    owed_cancellations,
    payments,
    reconciliation,
)
from billing.models import OwedCancellation, StripeEvent
from billing.providers import sandbox

log = logging.getLogger(__name__)


@shared_task(name="billing.expire")
def expire() -> int:
    return ledger.expire(timezone.now())


@shared_task(name="billing.tell_minutes")
def tell_minutes() -> int:
    return notifications.send_minutes_used_to_all()


@shared_task(name="billing.reconcile")
def reconcile() -> int:
    """Compare all books. The admin and the metrics show the result."""
    differences = reconciliation.run().differences
    for difference in differences:
        log.error("the books differ: %s", difference)
    return len(differences)


@shared_task(name="billing.process_event")
def process_event(event_id: str) -> None:
    event_inbox.process(event_id)


@shared_task(name="billing.process_events")
def process_events() -> None:
    for event_id in StripeEvent.objects.ids():
        process_event.delay(event_id)


@shared_task(name="billing.catch_up")
def catch_up() -> int:
    """Store the events that the webhook missed, and have them processed."""
    missed = event_inbox.catch_up()
    if missed:
        process_events.delay()
    return missed


@shared_task(name="billing.cancel_again")
def cancel_again(subscription_id: str) -> None:
    owed_cancellations.retry(subscription_id)


@shared_task(name="billing.cancel_all_again")
def cancel_all_again() -> None:
    """Cancel again each subscription whose cancellation a failed change has withdrawn."""
    for subscription_id in OwedCancellation.objects.ids():
        cancel_again.delay(subscription_id)


@shared_task(name="billing.grant_due_months")
def grant_due_months() -> int:
    return payments.grant_due_months()


@shared_task(
    name="billing.deliver_sandbox_event",
    autoretry_for=(OSError,),
    retry_backoff=True,
    max_retries=8,
)
def deliver_sandbox_event(event_id: str) -> None:
    sandbox.deliver(event_id)


@shared_task(name="billing.renew_sandbox_subscriptions")
def renew_sandbox_subscriptions() -> int:
    return sandbox.renew_due()
