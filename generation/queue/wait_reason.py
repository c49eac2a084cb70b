"""Why a job waits, in one word: its page and every list of jobs say it."""

from enum import StrEnum

from generation.models import Job, Status


class Reason(StrEnum):
    """The first of these that holds."""

    # There are no minutes for it.
    PARKED = "parked"
    # Its owner runs as many as the plan lets run at once.
    OWN_LIMIT = "own_limit"
    # It goes after everybody's paid work.
    RELAXED = "relaxed"
    # Others are before it.
    IN_LINE = "in_line"
    # It is its turn, but jobs whose checkpoint is in memory are taken first for some seconds.
    COLD = "cold"
    NEXT = "next"


def reason(job: Job, *, position: int, beside: int, is_warm: bool) -> Reason | None:
    """Why the job does not run yet; None if it does, or has ended.

    `position` and `beside` are as `fairness.with_position` has them; `is_warm`: a worker has its checkpoint.
    """
    if job.is_parked:
        return Reason.PARKED
    if job.status != Status.QUEUED:
        return None
    if beside >= job.jobs_at_once:
        return Reason.OWN_LIMIT
    if job.is_relaxed:
        return Reason.RELAXED
    if position > 1:
        return Reason.IN_LINE
    return Reason.NEXT if is_warm else Reason.COLD
