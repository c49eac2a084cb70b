"""The line as an operator sees it: who waits, in which order they will be claimed, and why each waits.

It follows `fairness.next_in_line` as far as can be known: as if workers claimed one job after another now
and none ended meanwhile. Nothing is locked, and what is past `SHOWN` is only counted.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db.models import Count, Min
from django.utils import timezone

from generation.models import Job
from generation.queue import fair_queue, heartbeats
from generation.queue.heartbeats import Heartbeat, RunningJob

SHOWN = 100


class Reason(StrEnum):
    """Why a job waits, the first of these that holds."""

    NO_WORKER = "no_worker"
    OWN_LIMIT = "own_limit"
    FREE_SLOT = "free_slot"
    COLD = "cold"
    BEHIND = "behind"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A job in line. `beside` jobs of its owner run or go before it, of the `jobs_at_once` that may."""

    job: Job
    position: int
    reason: Reason
    beside: int
    waited: timedelta

    @property
    def ahead(self) -> int:
        return self.position - 1


@dataclass(frozen=True, kw_only=True)
class Busy:
    """A job that runs; `work` is what its worker says of it, if it says anything."""

    job: Job
    work: RunningJob | None


@dataclass(frozen=True, kw_only=True)
class Station:
    """A worker by name, with what it runs by the rows. Without a heartbeat nobody has heard from it."""

    name: str
    heartbeat: Heartbeat | None
    busy: tuple[Busy, ...]


@dataclass(frozen=True, kw_only=True)
class QueueForecast:
    """`depth` counts all that wait; `waiting` are the first of them."""

    depth: int
    longest_wait: timedelta
    waiting: tuple[Waiting, ...]
    stations: tuple[Station, ...]

    @property
    def workers(self) -> int:
        """How many workers are heard from."""
        return sum(station.heartbeat is not None for station in self.stations)

    @property
    def running(self) -> int:
        return sum(len(station.busy) for station in self.stations)

    @property
    def slots(self) -> int:
        return sum(station.heartbeat.slots for station in self.stations if station.heartbeat)


def look() -> QueueForecast:
    """The line now. Three queries, whatever its length."""
    now = timezone.now()
    alive = heartbeats.alive()
    running = list(Job.objects.running().select_related("user").defer("receipt"))
    queued = Job.objects.queued()
    sums = queued.aggregate(depth=Count("pk"), since=Min("queued_at"))
    first = list(queued.select_related("user").order_by(*fair_queue.ORDER)[:SHOWN])
    return QueueForecast(
        depth=sums["depth"],
        longest_wait=now - sums["since"] if sums["since"] else timedelta(0),
        waiting=tuple(_forecast(first, running=running, alive=alive, now=now)),
        stations=tuple(_stations(running, alive)),
    )


def _forecast(
    queued: Sequence[Job], *, running: Iterable[Job], alive: Sequence[Heartbeat], now: datetime
) -> Iterator[Waiting]:
    beside = Counter(job.user_id for job in running)
    warm = {checkpoint for heartbeat in alive for checkpoint in heartbeat.warm}
    free = sum(heartbeat.free_slots for heartbeat in alive)
    has_worker = any(not heartbeat.is_stopping for heartbeat in alive)
    order, passed_over = _in_order(queued, beside=beside, warm=warm, now=now)
    for position, job in enumerate(order, start=1):
        if not has_worker:
            reason = Reason.NO_WORKER
        elif beside[job.user_id] >= job.jobs_at_once:
            reason = Reason.OWN_LIMIT
        elif position <= free:
            reason = Reason.FREE_SLOT
        elif job.pk in passed_over:
            reason = Reason.COLD
        else:
            reason = Reason.BEHIND
        yield Waiting(
            job=job,
            position=position,
            reason=reason,
            beside=beside[job.user_id],
            waited=now - job.queued_at,
        )
        beside[job.user_id] += 1


def _in_order(
    queued: Sequence[Job], *, beside: Mapping[int, int], warm: Collection[str], now: datetime
) -> tuple[list[Job], set[UUID]]:
    """By repeated choice as `fairness` makes it, and which were passed over because they are cold.

    Those whose owners run as many as they may come last.
    """
    left = list(queued)
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
    return order + left, passed_over


def _stations(running: Iterable[Job], alive: Iterable[Heartbeat]) -> Iterator[Station]:
    by_name = {heartbeat.worker: heartbeat for heartbeat in alive}
    jobs = list(running)
    for name in sorted({*by_name, *(job.worker for job in jobs)}):
        heartbeat = by_name.get(name)
        works = {work.job: work for work in heartbeat.running} if heartbeat else {}
        busy = tuple(
            Busy(job=job, work=works.get(str(job.pk))) for job in jobs if job.worker == name
        )
        yield Station(name=name, heartbeat=heartbeat, busy=busy)
