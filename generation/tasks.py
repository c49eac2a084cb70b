"""Celery tasks. A task is a bell: it carries no job, and may be lost or repeated."""

import threading
from typing import TYPE_CHECKING, Any

from celery import current_app, shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings

from generation import jobs
from generation.api import call_log, webhooks
from generation.images import kept_states, library, uploads
from generation.jobs import parking
from generation.jobs.outages import Outages
from generation.models.api import Delivery
from generation.queue import background

if TYPE_CHECKING:
    from generation.worker.worker import Worker

_import_lock = threading.Lock()
_outages = Outages()


@shared_task(name="generation.work")
def work(passes: str = "0") -> None:
    """Claim and run jobs until none is left. `passes` counts the workers that passed the bell on."""
    _worker().work(passes=int(passes))


@shared_task(name="generation.reap")
def reap() -> int:
    """Requeue the jobs of dead workers, cancel those of closed accounts, and ring for queued ones."""
    background.note()
    with _outages.noticing():
        jobs.cancel_of_closed()
        reaped = jobs.reap() if _outages.are_over() else 0
        jobs.ring_for_waiting()
    return reaped


@shared_task(name="generation.sweep")
def sweep() -> int:
    """Remove expired states, old trash, unused uploads and old entries of the call log; returns their number."""
    return kept_states.sweep() + library.sweep() + uploads.purge() + call_log.prune()


@shared_task(name="generation.start_parked")
def start_parked() -> int:
    """Start the parked jobs whose owners have minutes again, in case the signal was lost."""
    return parking.start_everybodys()


@shared_task(name="generation.send_webhook")
def send_webhook(delivery_id: str) -> None:
    webhooks.deliver(delivery_id)


@shared_task(name="generation.send_webhooks")
def send_webhooks() -> None:
    for delivery_id in Delivery.objects.ids():
        send_webhook.delay(delivery_id)


@worker_ready.connect
def warm_up(**kwargs: Any) -> None:
    """Load torch before the first job comes, without delaying Celery."""
    if not _takes_jobs():
        return
    threading.Thread(target=_worker, name="warm-up", daemon=True).start()


@worker_shutting_down.connect
def wind_down(**kwargs: Any) -> None:
    """Have running jobs end soon, because Celery waits for them. Called in a signal handler."""
    if not _takes_jobs():
        return
    threading.Thread(target=_stop, name="wind-down", daemon=True).start()


def _takes_jobs() -> bool:
    """False in a Celery process for background tasks, which has no engine."""
    return settings.JOB_QUEUE in current_app.amqp.queues.consume_from


def _worker() -> "Worker":
    """This process's worker."""
    # Two threads that import torch at once would fail.
    with _import_lock:
        from generation.worker import worker  # noqa: PLC0415  # slow import: torch

        return worker.current()


def _stop() -> None:
    _worker().stop(grace=settings.WORKER_GRACE_SECONDS)
