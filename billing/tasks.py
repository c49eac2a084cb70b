"""Thin Celery entries. Each may be lost, late or repeated: beat rings again for whatever is left to do."""

import logging
from typing import Any

from celery import Task, shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from billing import inbox, ledger, reconciliation

log = logging.getLogger(__name__)


def ring(task: "Task[..., Any]", *args: str) -> None:
    """Send a task without depending on the broker: if it is down, beat will find the work."""
    try:
        task.delay(*args)
    except OperationalError:
        log.warning("could not ring %s", task.name)


@shared_task
def expire() -> int:
    return ledger.expire(timezone.now())


@shared_task
def reconcile() -> int:
    """Compare all books; whoever looks at the admin or the metrics sees what was found."""
    differences = reconciliation.run().differences
    for difference in differences:
        log.error("the books differ: %s", difference)
    return len(differences)


@shared_task
def process_event(event_id: str) -> None:
    inbox.process(event_id)


@shared_task
def process_events() -> None:
    for event_id in inbox.waiting():
        process_event.delay(event_id)


@shared_task(autoretry_for=(OSError,), retry_backoff=True, max_retries=8)
def deliver_sandbox_event(event_id: str) -> None:
    from billing import sandbox  # which imports this module to ring

    sandbox.deliver(event_id)


@shared_task
def renew_sandbox_subscriptions() -> int:
    from billing import sandbox

    return sandbox.renew_due()
