"""A job's verbs, from submission to its end.

job = jobs.submit(user, request)
job = jobs.claim(worker="machine:1")
jobs.finish(job, pictures, charges)
"""

from generation.jobs.admission import (
    WAITING_FOR_EACH_RUNNING,
    CheckpointUnavailable,
    OverPlanLimit,
    TooManyJobs,
)
from generation.jobs.cancellation import cancel, cancel_all, cancel_of_closed
from generation.jobs.ending import fail, finish, stop
from generation.jobs.failure_limit import TooManyFailures
from generation.jobs.leases import (
    claim,
    excuse,
    hand_back,
    pause,
    reap,
    renew,
    ring_for_waiting,
    start_over,
)
from generation.jobs.submission import submit
from generation.jobs.transitions import LostRace, ring

__all__ = [
    "WAITING_FOR_EACH_RUNNING",
    "CheckpointUnavailable",
    "LostRace",
    "OverPlanLimit",
    "TooManyFailures",
    "TooManyJobs",
    "cancel",
    "cancel_all",
    "cancel_of_closed",
    "claim",
    "excuse",
    "fail",
    "finish",
    "hand_back",
    "pause",
    "reap",
    "renew",
    "ring",
    "ring_for_waiting",
    "start_over",
    "stop",
    "submit",
]
