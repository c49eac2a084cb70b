"""Pre-emption: a running job makes room for one of higher standing, when a worker has no slot left.

A relaxed job makes room for a paid one, and a large one for a small one that has been waiting. It keeps its state
and its rank, and so comes back when its turn comes. Nobody is taken out twice without a step between.
"""

from collections.abc import Mapping
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


def choose(first: Job, steps: Mapping[UUID, int]) -> Preemption | None:
    """Choose the one of a worker's running jobs that goes for the `first` in line; None if none does.

    `steps` are the running jobs by id, with all steps that each has made.
    """
    running = Job.objects.running().filter(pk__in=steps, lapses=0, cancel_requested=False)
    able = [job for job in running if 0 < steps[job.pk] < job.generation_request.evaluations]
    if not first.is_relaxed and (relaxed := [job for job in able if _may_go(job)]):
        last = max(relaxed, key=lambda job: job.rank)
        return Preemption(out=last, wanted=first.pk, why=Pause.PAID_FIRST)
    if first.queued_at > timezone.now() - fair_queue.PATIENCE:
        return None
    equals = [job for job in able if job.is_relaxed == first.is_relaxed and _has_had_a_while(job)]
    largest = max(equals, key=lambda job: _left_ms(job, steps), default=None)
    if largest is None or _left_ms(largest, steps) < MUCH_LARGER * first.quote_ms:
        return None
    return Preemption(out=largest, wanted=first.pk, why=Pause.SMALL_FIRST)


def _may_go(job: Job) -> bool:
    """True for a relaxed job, unless it waited for so long that it runs at a paid one's side."""
    if not job.is_relaxed:
        return False
    return not fair_queue.is_overdue(job) or fair_queue.relaxed_exceed_their_share(beside=job)


def _has_had_a_while(job: Job) -> bool:
    """False for a job that goes on since a moment ago: many small ones would leave it a step at a time."""
    since = timezone.now() - fair_queue.PATIENCE
    return job.paused_step == 0 or job.started_at is None or job.started_at < since


def _left_ms(job: Job, steps: Mapping[UUID, int]) -> float:
    """The part of the quote that the remaining steps are."""
    request = job.generation_request
    return job.quote_ms * (request.evaluations - steps[job.pk]) / request.own_evaluations
