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
from generation.jobs import ending, outages, saved_runs, transitions
from generation.jobs.transitions import LostRace
from generation.models import Job, Pause, Status, receipts
from generation.queue import fair_queue, heartbeats, stores
from generation.queue.heartbeats import Heartbeat

LOST = gettext_noop("The machine that made this picture failed several times.")
# The notes of a job's transitions back to the queue.
HANDED_BACK, LAPSED = "handed back", "lease lapsed"
WORKER_ENDED, MACHINE_GONE = "worker was told to end", "machine is gone"
CUT_OFF = "worker could not renew the lease"
PROGRESSED = "lease lapsed after progress"
# A job that loses more machines or connections than this may be what breaks them.
MOST_EXCUSES = 5
# So may one that lapses more often after progress: from then on it runs alone.
MOST_PROGRESSED = 2


def claim(
    *,
    worker: str,
    warm: Collection[str] = (),
    running: Collection[UUID] = (),
    store: Collection[str] | None = None,
    wanted: UUID | None = None,
) -> Job | None:
    """Lease the next job to `worker`; None if no job may start. Prefers the `warm` checkpoints.

    `running` are the worker's other jobs. A suspect never starts beside one, as `fair_queue.next_in_line` says, and the
    caller must claim nothing while a suspect runs. `store` are the checkpoints that the worker can load; None is for
    all. The `wanted` job goes first, if it may start.
    """
    with transaction.atomic():
        job = fair_queue.next_in_line(
            worker=worker, warm=warm, running=running, store=store, wanted=wanted
        )
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
    _hand_back(job)


def pause(job: Job, *, step: int, why: Pause) -> None:
    """Return a claimed job to its old place in the queue, to go on after `step`. Raises LostRace."""
    _hand_back(job, paused_step=step, paused_for=why)


def start_over(job: Job) -> None:
    """Note that this attempt goes on from nothing."""
    Job.objects.running().filter(pk=job.pk, attempt=job.attempt).update(
        paused_step=0, paused_for=""
    )


def reap() -> int:
    """Requeue the jobs whose lease lapsed; returns their number.

    A job that lapsed MAX_ATTEMPTS times likely broke its workers, and fails: each time but the first it
    ran alone. A lapse is nobody's fault if the worker was told to end or still runs the job, or if its
    machine was taken away. Locked rows wait for the next call, and so do leases that an outage of
    PostgreSQL may have kept from being renewed, for `outages.patience()`.
    """
    running = Job.objects.running()
    lapsed = list(running.filter(lease_expires_at__lt=Now()).order_by("lease_expires_at"))
    if not lapsed:
        return 0
    long_ago = running.filter(lease_expires_at__lt=Now() - outages.patience())
    overdue = set(long_ago.values_list("pk", flat=True))
    alive = stores.alive_if_known()
    reaped = 0
    for job in lapsed:
        if job.pk not in overdue and _may_be_renewed(job, lapsed, alive):
            continue
        try:
            _reap(job, note=_explain(job, alive))
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


def _may_be_renewed(job: Job, lapsed: Collection[Job], alive: Collection[Heartbeat]) -> bool:
    if job.is_excused:
        return False
    return outages.is_at_work(job, alive) or outages.is_common_to_workers(job, lapsed)


def _hand_back(job: Job, **fields: Any) -> None:
    with transaction.atomic():
        _requeue(job, note=HANDED_BACK, **fields)
        transitions.ring_on_commit()
    storage.discard(job)


def _explain(job: Job, alive: Collection[Heartbeat]) -> str:
    """The note of a lapse; LAPSED if it may be the job's fault."""
    if job.is_excused:
        return WORKER_ENDED
    if job.transitions.filter(note__in=(MACHINE_GONE, CUT_OFF)).count() >= MOST_EXCUSES:
        return LAPSED
    if outages.is_at_work(job, alive):
        return CUT_OFF
    machines = {report.machine for report in alive}
    # Without any heartbeat, it is Valkey that is away or the only worker that died.
    is_gone = bool(machines) and heartbeats.machine_of(job.worker) not in machines
    if is_gone:
        return MACHINE_GONE
    # A suspect starts over each time, and so would always get as far as before.
    has_progressed = not job.is_suspect and saved_runs.progress_of(job)
    before = job.transitions.filter(note=PROGRESSED).count()
    return PROGRESSED if has_progressed and before < MOST_PROGRESSED else LAPSED


def _reap(job: Job, *, note: str) -> None:
    lapses = job.lapses + (note == LAPSED)
    with transaction.atomic():
        if note == LAPSED and lapses >= settings.MAX_ATTEMPTS:
            receipt = receipts.free(())
            ending.release(
                job, Status.FAILED, receipt, error_code="lost", error=LOST, lapses=lapses
            )
        else:
            _requeue(job, note=note, lapses=lapses, **_pause_of(job, note))
    # Not earlier: the attempt could still have finished, and needed its files.
    storage.discard(job)


def _pause_of(job: Job, note: str) -> dict[str, Any]:
    """The step that a lapsed job goes on from; none for a suspect, whose state may be what breaks its worker."""
    if note == LAPSED:
        return {"paused_step": 0, "paused_for": ""}
    step = saved_runs.progress_of(job) or job.paused_step
    why = Pause.WORKER_ENDED if note == WORKER_ENDED else Pause.WORKER_LOST
    return {"paused_step": step, "paused_for": why if step else ""}


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
