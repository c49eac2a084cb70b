"""Which running job makes room for one of higher standing, when a worker has no slot left.

A relaxed job makes room for a paid one, and a large one for a small one that has waited for long. It keeps its state
and its rank, and so comes back when its turn comes. Nobody is taken out twice without a step between.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from generation.models import Job, Pause
from generation.queue import fair_queue

# What is left of a large job takes at least so many times as long as the whole of the small one.
MUCH_LARGER = 4


@dataclass(frozen=True, kw_only=True)
class Preemption:
    """The job `out` is suspended, for the reason `why`, and its slot is for the job `wanted`."""

    out: Job
    wanted: UUID
    why: Pause


def choose(
    steps: Mapping[UUID, int],
    *,
    reserved: Collection[UUID] = (),
    store: Collection[str] | None = None,
) -> Preemption | None:
    """Choose among a worker's running jobs, by id with the steps that each has made; None if none is to go.

    `reserved` are waiting jobs that another slot is being freed for; `store` is as for `jobs.claim`.
    """
    first = fair_queue.first_waiting(store=store, but_not=reserved)
    if first is None or first.is_suspect:
        return None
    running = Job.objects.running().filter(pk__in=steps, lapses=0, cancel_requested=False)
    able = [job for job in running if steps[job.pk] > job.paused_step]
    if not first.is_relaxed and (relaxed := [job for job in able if _may_go(job)]):
        last = max(relaxed, key=lambda job: job.rank)
        return Preemption(out=last, wanted=first.pk, why=Pause.PAID_FIRST)
    if first.queued_at > timezone.now() - fair_queue.PATIENCE:
        return None
    equals = [job for job in able if job.is_relaxed == first.is_relaxed]
    largest = max(equals, key=lambda job: _left_ms(job, steps), default=None)
    if largest is None or _left_ms(largest, steps) < MUCH_LARGER * first.quote_ms:
        return None
    return Preemption(out=largest, wanted=first.pk, why=Pause.SMALL_FIRST)


def _may_go(job: Job) -> bool:
    """True for a relaxed job, unless it waited for so long that it runs at a paid one's side."""
    if not job.is_relaxed:
        return False
    return not fair_queue.is_overdue(job) or fair_queue.relaxed_exceed_their_share()


def _left_ms(job: Job, steps: Mapping[UUID, int]) -> float:
    """The part of the quote that the remaining steps are."""
    evaluations = job.generation_request.evaluations
    return job.quote_ms * (1 - steps[job.pk] / evaluations)
