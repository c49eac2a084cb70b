"""Thin Celery entries. A task is a bell: it carries no job, and may be lost or repeated."""

import threading
from typing import TYPE_CHECKING, Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings

from generation import jobs
from generation.api import call_log, webhooks
from generation.images import library, uploads
from generation.jobs import parking
from generation.models.api import Delivery

if TYPE_CHECKING:
    from generation.worker.worker import Worker

_import_lock = threading.Lock()


@shared_task(name="generation.work")
def work() -> None:
    """Claim and carry jobs for as long as there are any."""
    _worker().work()


@shared_task(name="generation.reap")
def reap() -> int:
    """Take back what dead workers left, stop what nobody waits for, and ring for all that waits."""
    jobs.cancel_of_closed()
    reaped = jobs.reap()
    jobs.ring_for_waiting()
    return reaped


@shared_task(name="generation.sweep")
def sweep() -> int:
    """Remove what was kept for long enough: in the trash, uploads that nobody uses, the log of requests."""
    return library.sweep() + uploads.purge() + call_log.prune()


@shared_task(name="generation.start_parked")
def start_parked() -> int:
    """Put parked jobs in line whose owners have minutes again, if nobody did when those came."""
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
    """Load torch before the first customer comes; Celery answers meanwhile."""
    threading.Thread(target=_worker, name="warm-up", daemon=True).start()


@worker_shutting_down.connect
def wind_down(**kwargs: Any) -> None:
    """Celery waits for the jobs that run: have them end soon. Called in a signal handler."""
    threading.Thread(target=_stop, name="wind-down", daemon=True).start()


def _worker() -> "Worker":
    """This process's worker. One thread imports it, and with it torch: two at once would fail."""
    with _import_lock:
        from generation.worker import worker

        return worker.current()


def _stop() -> None:
    _worker().stop(grace=settings.WORKER_GRACE_SECONDS)
