"""Leases on running jobs: claim, renew, excuse, hand back, and reap those that lapsed.

The first lapse makes a suspect of every job of the worker. A suspect runs alone, so that a second lapse
is its own, and innocent jobs of the same batch end well.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

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
from generation.queue import fair_queue, heartbeats

LOST = gettext_noop("The machine that made this picture failed several times.")
# The notes of a job's transitions back to the queue.
HANDED_BACK, LAPSED = "handed back", "lease lapsed"
WORKER_ENDED, MACHINE_GONE = "worker was told to end", "machine is gone"
# A job that loses more machines than this may be what breaks them.
MOST_MACHINES_GONE = 5


def claim(
    *,
    worker: str,
    warm: Collection[str] = (),
    running: Collection[UUID] = (),
    store: Collection[str] | None = None,
) -> Job | None:
    """Lease the next job to `worker`; None if no job may start. Prefers the `warm` checkpoints.

    `running` are the worker's other jobs. A suspect never starts beside one, and the caller must claim
    nothing while a suspect runs. `store` are the checkpoints that the worker can load; None is for all.
    """
    with transaction.atomic():
        job = fair_queue.next_in_line(warm=warm, running=running, store=store)
        if job is None:
            return None
        return transitions.move(
            job,
            Status.RUNNING,
            attempt=job.attempt + 1,
            worker=worker,
            is_excused=False,
            lease_expires_at=_expiry(),
            started_at=timezone.now(),
        )


def renew(job: Job) -> bool:
    """Prolong the lease; False if this attempt of the job no longer belongs to the caller."""
    mine = Job.objects.running().filter(pk=job.pk, attempt=job.attempt)
    return bool(mine.update(lease_expires_at=_expiry()))


def excuse(*, worker: str) -> None:
    """Say that the worker was told to end: lapses of its present jobs are nobody's fault."""
    Job.objects.running().filter(worker=worker).update(is_excused=True)


def hand_back(job: Job) -> None:
    """Return a claimed job to its old place in the queue, without a charge for the attempt.

    Raises LostRace.
    """
    with transaction.atomic():
        _requeue(job, note=HANDED_BACK)
        transitions.ring_on_commit()
    storage.discard(job)


def reap() -> int:
    """Requeue the jobs whose lease lapsed; returns their number.

    A job that lapsed MAX_ATTEMPTS times likely broke its workers, and fails: each time but the first it
    ran alone. A lapse is nobody's fault if the worker was told to end, or if its machine was taken away.
    Locked rows wait for the next call.
    """
    lapsed = Job.objects.running().filter(lease_expires_at__lt=Now()).order_by("lease_expires_at")
    machines: frozenset[str] | None = None
    reaped = 0
    for job in lapsed:
        if machines is None:
            machines = heartbeats.machines()
        try:
            _reap(job, note=_explain(job, machines))
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


def _explain(job: Job, machines: Collection[str]) -> str:
    """The note of a lapse; LAPSED if it may be the job's fault."""
    if job.is_excused:
        return WORKER_ENDED
    # Without any heartbeat, it is Valkey that is away or the only worker that died.
    is_gone = bool(machines) and heartbeats.machine_of(job.worker) not in machines
    if is_gone and job.transitions.filter(note=MACHINE_GONE).count() < MOST_MACHINES_GONE:
        return MACHINE_GONE
    return LAPSED


def _reap(job: Job, *, note: str) -> None:
    lapses = job.lapses + (note == LAPSED)
    with transaction.atomic():
        if note == LAPSED and lapses >= settings.MAX_ATTEMPTS:
            receipt = receipts.free(())
            ending.release(
                job, Status.FAILED, receipt, error_code="lost", error=LOST, lapses=lapses
            )
        else:
            _requeue(job, note=note, lapses=lapses)
    # Not earlier: the attempt could still have finished, and needed its files.
    storage.discard(job)


def _requeue(job: Job, *, note: str, **fields: Any) -> None:
    if Job.objects.filter(pk=job.pk, cancel_requested=True).exists():
        ending.release(job, Status.CANCELED, receipts.free(()), **fields)
    else:
        not_canceled = Q(cancel_requested=False)
        # Excused no longer: a worker of the release before would not reset it when it claims.
        fields |= {"worker": "", "lease_expires_at": None, "is_excused": False}
        transitions.move(job, Status.QUEUED, only=not_canceled, note=note, **fields)


def _expiry() -> Any:
    # By the database's clock, which all workers share.
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)
