"""The reasons for which a job waits, for its owner's pages and for the operator's."""

from enum import StrEnum

from generation.models import Job, Status


class WaitReason(StrEnum):
    """The first that holds, in this order. Owners are never told NO_WORKER or ALONE, operators never RELAXED."""

    # The owner's minutes do not suffice.
    PARKED = "parked"
    NO_WORKER = "no_worker"
    # It lost its worker before, and starts beside no other job.
    ALONE = "alone"
    # Its owner runs as many jobs as the plan allows at once.
    OWN_LIMIT = "own_limit"
    # All paid jobs go first.
    RELAXED = "relaxed"
    # Other jobs go first.
    IN_LINE = "in_line"
    # Workers prefer jobs whose checkpoint is in memory for some seconds.
    COLD = "cold"
    NEXT = "next"


def of_job(job: Job, *, position: int, beside: int, is_warm: bool) -> WaitReason | None:
    """The reason as the owner sees it; None for a job that runs or has ended.

    `position` and `beside` are those of `fair_queue.with_position`; `is_warm` says that a worker has the
    checkpoint in memory.
    """
    if job.is_parked:
        return WaitReason.PARKED
    if job.status != Status.QUEUED:
        return None
    if beside >= job.jobs_at_once:
        return WaitReason.OWN_LIMIT
    if job.is_relaxed:
        return WaitReason.RELAXED
    if position > 1:
        return WaitReason.IN_LINE
    return WaitReason.NEXT if is_warm else WaitReason.COLD
