"""Leases on running jobs: claim, renew, hand back, and reap those that lapsed."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from generation.engine.messages import gettext_noop
from generation.images import storage
from generation.jobs import ending, transitions
from generation.jobs.transitions import LostRace
from generation.models import Job, Status, receipts
from generation.queue import fair_queue

LOST = gettext_noop("The machine that made this picture failed several times.")


def claim(*, worker: str, warm: Collection[str] = ()) -> Job | None:
    """Lease the next job to `worker`; None if no job may start. Prefers the `warm` checkpoints."""
    with transaction.atomic():
        job = fair_queue.next_in_line(warm=warm)
        if job is None:
            return None
        return transitions.move(
            job,
            Status.RUNNING,
            attempt=job.attempt + 1,
            worker=worker,
            lease_expires_at=_expiry(),
            started_at=timezone.now(),
        )


def renew(job: Job) -> bool:
    """Prolong the lease; False if this attempt of the job no longer belongs to the caller."""
    mine = Job.objects.running().filter(pk=job.pk, attempt=job.attempt)
    return bool(mine.update(lease_expires_at=_expiry()))


def hand_back(job: Job) -> None:
    """Return a claimed job to its old place in the queue, without a charge for the attempt.

    Raises LostRace.
    """
    with transaction.atomic():
        _requeue(job, note="handed back")
        transitions.ring_on_commit()
    storage.discard(job)


def reap() -> int:
    """Requeue the jobs whose lease lapsed; returns their number.

    A job that lapsed MAX_ATTEMPTS times likely broke its workers, and fails. Locked rows wait for the
    next call.
    """
    lapsed = Job.objects.running().filter(lease_expires_at__lt=Now())
    reaped = 0
    for job in lapsed.order_by("lease_expires_at"):
        try:
            _reap(job)
        except (LostRace, OperationalError):
            # Its worker renewed the lease or is ending the job right now: the next call will tell.
            continue
        reaped += 1
    return reaped


def ring_for_waiting() -> None:
    """Ring once for each queued job, up to one worker's slots, in case bells were lost."""
    waiting = Job.objects.queued()[: settings.WORKER_SLOTS].count()
    for _bell in range(waiting):
        transitions.ring()


def _reap(job: Job) -> None:
    lapses = job.lapses + 1
    with transaction.atomic():
        if lapses >= settings.MAX_ATTEMPTS:
            receipt = receipts.free(())
            ending.release(
                job, Status.FAILED, receipt, error_code="lost", error=LOST, lapses=lapses
            )
        else:
            _requeue(job, note="lease lapsed", lapses=lapses)
    # Not earlier: the attempt could still have finished, and needed its files.
    storage.discard(job)


def _requeue(job: Job, *, note: str, **fields: Any) -> None:
    if Job.objects.filter(pk=job.pk, cancel_requested=True).exists():
        ending.release(job, Status.CANCELED, receipts.free(()), **fields)
    else:
        not_canceled = Q(cancel_requested=False)
        fields |= {"worker": "", "lease_expires_at": None}
        transitions.move(job, Status.QUEUED, only=not_canceled, note=note, **fields)


def _expiry() -> Any:
    # By the database's clock, which all workers share.
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)
