"""The order of the queue: start-time fair queueing (Goyal, Vin and Cheng, 1996).

Every job takes a stretch of a virtual clock, as long as its cost divided by its user's weight. The stretch
starts at the end of the user's previous job or now, whichever is later; the earliest start goes first.
Users of equal weight therefore take turns, whatever the number of their jobs, a weight of 2 gets twice the
share, and nobody starves, because the clock only moves on. "Now" is the start of the first unfinished job
that a worker can run.

Relaxed jobs, whose owners' minutes ran out, have their own clock and run when no paid job waits. To keep
them from starving, one that has waited for long goes first, as long as few of them run.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, F, IntegerField, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from generation.models import Job, JobQuerySet, Status
from generation.queue import stores
from generation.queue.heartbeats import Heartbeat

if TYPE_CHECKING:
    from accounts.models import User

# Divisible by every plan's weight, so that the clock needs only whole numbers.
TICKS_PER_MS = 12
# Jobs with a warm checkpoint may pass the first in line for this long.
PATIENCE = timedelta(seconds=20)
# A relaxed job that waited longer goes first, while at most one running job in RELAXED_SHARE is relaxed.
RELAXED_PATIENCE = timedelta(minutes=10)
RELAXED_SHARE = 8
# The order of the queue, apart from the users' limits.
ORDER = ("is_relaxed", "rank", "created_at")
# Serializes the claims of all workers: two at once could exceed a user's `jobs_at_once`.
CLAIM_LOCK = 7_301


@dataclass(frozen=True)
class QueuePosition:
    """A stretch of the virtual clock."""

    rank: int
    rank_end: int


def place(user: "User", *, cost_ms: int, weight: int, is_relaxed: bool = False) -> QueuePosition:
    """The stretch of a new job of `user`. The caller must hold the lock of the user's wallet."""
    rank = max(_now(is_relaxed=is_relaxed), _end_of_last(user, is_relaxed=is_relaxed))
    return QueuePosition(rank=rank, rank_end=rank + max(1, cost_ms * TICKS_PER_MS // weight))


def next_in_line(
    *,
    worker: str,
    warm: Collection[str] = (),
    running: Collection[UUID] = (),
    store: Collection[str] | None = None,
    wanted: UUID | None = None,
) -> Job | None:
    """The job to claim now, its row locked; None if no job may start. Call it inside a transaction.

    Prefers `warm` checkpoints, unless the first in line has waited longer than PATIENCE. Only jobs whose
    checkpoints are in `store` count; None is for every checkpoint. The `wanted` job goes before all others, if it may
    start.

    A suspect starts beside no other job. While one is first in line, of the busy workers that have its
    checkpoint only the one with the fewest `running` jobs claims nothing; the others pass the suspect
    over. The least number of running jobs therefore never grows, and falls with each job's end, until a
    worker is idle and takes the suspect. Nobody starves.
    """
    # Before the lock, for which every worker waits: this may read a model store or ask Valkey.
    claimable = _claimable() if store is None else _claimable().filter(stores.within(store))
    alive = stores.alive_if_known() if running and _has_suspects() else []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLAIM_LOCK])
    if wanted and (chosen := _first(claimable.filter(pk=wanted, lapses=0))):
        return chosen
    first = _first_in_line(claimable)
    if first is not None and first.is_suspect and any(id != first.pk for id in running):
        able = [each for each in alive if each.takes_jobs and not stores.lacks(each, first)]
        if _is_least_busy(worker, running=len(running), among=able):
            return None
        first = _first_in_line(claimable.filter(lapses=0))
    if first is None:
        return None
    if first.checkpoint in warm or first.queued_at < timezone.now() - PATIENCE:
        return first
    beside = claimable.filter(is_relaxed=first.is_relaxed, checkpoint__in=warm)
    return _first(beside.filter(lapses=0) if running else beside) or first


def first_waiting(
    *, store: Collection[str] | None = None, but_not: Collection[UUID] = ()
) -> Job | None:
    """The first job in line that may start now, of those whose checkpoints are in `store`. Locks nothing.

    Suspects are left out, for they wait until a worker is idle.
    """
    claimable = _claimable() if store is None else _claimable().filter(stores.within(store))
    return claimable.filter(lapses=0).exclude(pk__in=but_not).order_by(*ORDER).first()


def is_overdue(job: Job) -> bool:
    """True for a relaxed job that has waited for so long that it may run at a paid one's side."""
    return job.is_relaxed and job.queued_at < _overdue_since()


def relaxed_exceed_their_share(*, beside: Job | None = None) -> bool:
    """True while more than one running job in RELAXED_SHARE is relaxed, among those `beside` a job or all."""
    others = Job.objects.running().exclude(pk=beside.pk) if beside else Job.objects.running()
    running = others.aggregate(relaxed=Count("pk", filter=Q(is_relaxed=True)), all=Count("pk"))
    return bool(running["relaxed"] * RELAXED_SHARE > running["all"])


def with_position(jobs: JobQuerySet) -> JobQuerySet:
    """Annotate `position`, by rank and 1 for the next job, and `beside`, the owner's running jobs."""
    before = Q(is_relaxed__lt=OuterRef("is_relaxed")) | Q(
        is_relaxed=OuterRef("is_relaxed"), rank__lt=OuterRef("rank")
    )
    ahead = Job.objects.queued().filter(before).order_by()
    return jobs.annotate(position=_count(ahead.values("status")) + 1, beside=_beside())


def _overdue_since() -> datetime:
    return timezone.now() - RELAXED_PATIENCE


def _has_suspects() -> bool:
    return Job.objects.queued().filter(lapses__gt=0).exists()


def _is_least_busy(worker: str, *, running: int, among: Collection[Heartbeat]) -> bool:
    """True if no other busy worker `among` the live ones has fewer running jobs than `worker`."""
    names = [each.worker for each in among if each.worker != worker]
    busy = Job.objects.running().filter(worker__in=names).order_by().values_list("worker")
    # The name decides between equals.
    return all(
        (running, worker) < (count, name) for name, count in busy.annotate(count=Count("pk"))
    )


def _end_of_last(user: "User", *, is_relaxed: bool) -> int:
    # Ended jobs count too, or a user who submits one job after another would always go first.
    # A job canceled in the queue has not used its stretch.
    jobs = Job.objects.for_user(user).filter(is_relaxed=is_relaxed)
    jobs = jobs.exclude(status=Status.CANCELED, attempt=0).exclude(status=Status.PARKED)
    last = jobs.order_by("-created_at", "-id").values_list("rank_end", flat=True).first()
    return last or 0


def _now(*, is_relaxed: bool) -> int:
    # Each query reads the end of an index; the last only if there is no job to go by.
    jobs = Job.objects.filter(is_relaxed=is_relaxed)
    active = jobs.active().order_by("rank").only("rank", "status", "queued_at")
    first = active.first()
    if first is not None and _has_waited_for_long(first):
        # While no worker has its checkpoint, its rank would let newcomers pass everyone else.
        can_run = stores.within_any(stores.alive_if_known())
        first = active.filter(Q(status=Status.RUNNING) | can_run).first()
    if first is not None:
        return first.rank
    return jobs.aggregate(last=Max("rank_end"))["last"] or 0


def _has_waited_for_long(job: Job) -> bool:
    return job.status == Status.QUEUED and job.queued_at < timezone.now() - PATIENCE


def _first_relaxed_that_is_due(claimable: JobQuerySet) -> Job | None:
    overdue = Q(is_relaxed=True, queued_at__lt=_overdue_since())
    if not Job.objects.queued().filter(overdue).exists():
        return None
    if relaxed_exceed_their_share():
        return None
    return _first(claimable.filter(overdue))


def _claimable() -> JobQuerySet:
    return Job.objects.queued().annotate(beside=_beside()).filter(beside__lt=F("jobs_at_once"))


def _beside() -> Coalesce:
    beside = Job.objects.running().filter(user=OuterRef("user")).order_by().values("user")
    return _count(beside)


def _count(grouped: "QuerySet[Job, Any]") -> Coalesce:
    return Coalesce(
        Subquery(grouped.annotate(n=Count("pk")).values("n")), 0, output_field=IntegerField()
    )


def _first_in_line(claimable: JobQuerySet) -> Job | None:
    return _first_relaxed_that_is_due(claimable) or _first(claimable)


def _first(jobs: JobQuerySet) -> Job | None:
    # A locked row is being canceled, perhaps with its user's account.
    locked = jobs.select_for_update(skip_locked=True, of=("self",))
    return locked.order_by(*ORDER).first()
