"""A job's hold and its place in the queue, for a new job and for one that leaves parking."""

from typing import Any

from billing import ledger
from billing.models import Unit
from billing.plans import Plan, WhenEmpty
from generation.models import Job
from generation.queue import fair_queue


def hold(job: Job, plan: Plan, *, may_wait: bool) -> WhenEmpty | None:
    """Hold the job's price; None, or what the plan does when the minutes do not suffice.

    Raises InsufficientBalance if the job may not wait; a job paid in credits never may.
    """
    try:
        ledger.hold(job.user, unit=Unit(job.unit), amount=job.price, reference=job.hold_reference)
    except ledger.InsufficientBalance:
        if not may_wait or job.pays_in_credits:
            raise
        return plan.when_empty
    return None


def place(job: Job, plan: Plan, *, is_relaxed: bool) -> dict[str, Any]:
    """The job's queue columns. All relaxed jobs have the same weight."""
    weight = 1 if is_relaxed else plan.queue_weight
    where = fair_queue.place(job.user, cost_ms=job.quote_ms, weight=weight, is_relaxed=is_relaxed)
    return {
        "rank": where.rank,
        "rank_end": where.rank_end,
        "is_relaxed": is_relaxed,
        "queue_weight": weight,
        "jobs_at_once": plan.jobs_at_once,
    }
