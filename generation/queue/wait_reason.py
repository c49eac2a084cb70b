"""The reasons for which a job waits, for its owner's pages and for the operator's."""

from enum import StrEnum

from generation.models import Job, Status


class WaitReason(StrEnum):
    """The first that holds, in this order. Owners are never told NO_WORKER or ALONE, operators never RELAXED."""

    # The owner's minutes do not suffice.
    PARKED = "parked"
    NO_WORKER = "no_worker"
    # No worker has its checkpoint.
    NO_MODEL = "no_model"
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


def of_job(
    job: Job, *, position: int, beside: int, is_warm: bool, is_served: bool = True
) -> WaitReason | None:
    """The reason as the owner sees it; None for a job that runs or has ended.

    `position` and `beside` are those of `fair_queue.with_position`; `is_warm` says that a worker has the
    checkpoint in memory, `is_served` that one has it in its model store.
    """
    if job.is_parked:
        return WaitReason.PARKED
    if job.status != Status.QUEUED:
        return None
    reasons = (
        (not is_served, WaitReason.NO_MODEL),
        (beside >= job.jobs_at_once, WaitReason.OWN_LIMIT),
        (job.is_relaxed, WaitReason.RELAXED),
        (position > 1, WaitReason.IN_LINE),
        (not is_warm, WaitReason.COLD),
    )
    return next((reason for holds, reason in reasons if holds), WaitReason.NEXT)
