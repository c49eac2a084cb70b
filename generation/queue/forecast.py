"""The operator's forecast of the queue: which jobs wait, in the order of their claims, and why.

It assumes that workers claim one job after another now and none ends meanwhile, as
`fair_queue.next_in_line` would choose. Nothing is locked; jobs beyond `SHOWN` are only counted.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Max
from django.utils import timezone

from generation.models import Job
from generation.queue import fair_queue, heartbeats, stores
from generation.queue.heartbeats import Heartbeat, RunningJob
from generation.queue.wait_reason import WaitReason
from generation.queue.waits import waited_of, with_waited

SHOWN = 100


@dataclass(frozen=True, kw_only=True)
class WaitingJob:
    """A queued job. `beside` counts its owner's jobs that run or go before it."""

    job: Job
    position: int
    reason: WaitReason
    beside: int
    waited: timedelta

    @property
    def ahead(self) -> int:
        return self.position - 1


@dataclass(frozen=True, kw_only=True)
class LeasedJob:
    """A running job; `reported` comes from its worker's heartbeat, and may be missing."""

    job: Job
    reported: RunningJob | None


@dataclass(frozen=True, kw_only=True)
class WorkerState:
    """A worker with the jobs that it runs by the rows. `heartbeat` is None if the worker is silent.

    `beside` are the names of the other workers that compute on the same cores.
    """

    name: str
    heartbeat: Heartbeat | None
    jobs: tuple[LeasedJob, ...]
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class QueueForecast:
    """`depth` counts all queued jobs; `waiting` are the first of them."""

    depth: int
    longest_wait: timedelta
    waiting: tuple[WaitingJob, ...]
    workers: tuple[WorkerState, ...]

    @property
    def num_alive(self) -> int:
        """The number of workers with a heartbeat."""
        return sum(worker.heartbeat is not None for worker in self.workers)

    @property
    def running(self) -> int:
        return sum(len(worker.jobs) for worker in self.workers)

    @property
    def slots(self) -> int:
        return sum(worker.heartbeat.slots for worker in self.workers if worker.heartbeat)


def look() -> QueueForecast:
    """The forecast from the present rows and heartbeats. Three queries for any number of jobs."""
    now = timezone.now()
    alive = heartbeats.alive()
    running = list(Job.objects.running().select_related("user").defer("receipt"))
    queued = Job.objects.queued()
    sums = with_waited(queued).aggregate(depth=Count("pk"), longest_wait=Max("waited"))
    first = with_waited(queued).select_related("user").order_by(*fair_queue.ORDER)[:SHOWN]
    return QueueForecast(
        depth=sums["depth"],
        longest_wait=sums["longest_wait"] or timedelta(0),
        waiting=tuple(_forecast(list(first), running=running, alive=alive, now=now)),
        workers=tuple(_workers(running, alive)),
    )


def _forecast(
    queued: Sequence[Job], *, running: Iterable[Job], alive: Sequence[Heartbeat], now: datetime
) -> Iterator[WaitingJob]:
    beside = Counter(job.user_id for job in running)
    warm = {checkpoint for heartbeat in alive for checkpoint in heartbeat.warm}
    free = sum(heartbeat.free_slots for heartbeat in alive)
    has_worker = any(heartbeat.takes_jobs for heartbeat in alive)
    has_idle = any(heartbeat.is_idle for heartbeat in alive)
    unserved = {job.pk for job in queued if stores.nobody_has(job, alive)}
    order, passed_over = _in_order(queued, beside=beside, warm=warm, unserved=unserved, now=now)
    for position, job in enumerate(order, start=1):
        if not has_worker:
            reason = WaitReason.NO_WORKER
        elif job.pk in unserved:
            reason = WaitReason.NO_MODEL
        elif beside[job.user_id] >= job.jobs_at_once:
            reason = WaitReason.OWN_LIMIT
        elif job.is_suspect and not has_idle:
            reason = WaitReason.ALONE
        elif position <= free:
            reason = WaitReason.NEXT
        elif job.pk in passed_over:
            reason = WaitReason.COLD
        else:
            reason = WaitReason.IN_LINE
        yield WaitingJob(
            job=job,
            position=position,
            reason=reason,
            beside=beside[job.user_id],
            waited=waited_of(job),
        )
        beside[job.user_id] += 1


def _in_order(
    queued: Sequence[Job],
    *,
    beside: Mapping[int, int],
    warm: Collection[str],
    unserved: Collection[UUID],
    now: datetime,
) -> tuple[list[Job], set[UUID]]:
    """The jobs in the order of their claims, and the ids of those passed over because they are cold.

    Jobs whose owners are at their limit come last, after them the `unserved`.
    """
    left = [job for job in queued if job.pk not in unserved]
    counts = Counter(beside)
    order: list[Job] = []
    passed_over = set()
    while claimable := [job for job in left if counts[job.user_id] < job.jobs_at_once]:
        first = chosen = claimable[0]
        if first.checkpoint not in warm and now - first.queued_at <= fair_queue.PATIENCE:
            chosen = next((job for job in claimable if job.checkpoint in warm), first)
        if chosen is not first:
            passed_over.add(first.pk)
        left.remove(chosen)
        counts[chosen.user_id] += 1
        order.append(chosen)
    return [*order, *left, *(job for job in queued if job.pk in unserved)], passed_over


def _workers(running: Iterable[Job], alive: Iterable[Heartbeat]) -> Iterator[WorkerState]:
    by_name = {heartbeat.worker: heartbeat for heartbeat in alive}
    jobs = list(running)
    for name in sorted({*by_name, *(job.worker for job in jobs)}):
        heartbeat = by_name.get(name)
        reports = {report.job: report for report in heartbeat.running} if heartbeat else {}
        leased = tuple(
            LeasedJob(job=job, reported=reports.get(str(job.pk)))
            for job in jobs
            if job.worker == name
        )
        yield WorkerState(
            name=name, heartbeat=heartbeat, jobs=leased, beside=_beside(heartbeat, by_name.values())
        )


def _beside(heartbeat: Heartbeat | None, alive: Iterable[Heartbeat]) -> tuple[str, ...]:
    """The other workers on the same machine's cores. A GPU has one worker alone."""
    if heartbeat is None or not heartbeat.computes_on_cpu:
        return ()
    return tuple(
        other.worker
        for other in alive
        if other.worker != heartbeat.worker
        and other.computes_on_cpu
        and other.machine == heartbeat.machine
    )
