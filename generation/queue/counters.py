"""Counters of job events, shared by all processes in Valkey, for the metrics that end in _total.

They serve graphs only. An emptied Valkey counts from zero again, which Prometheus takes for a restart.
"""

import json
import logging
from bisect import bisect_left
from collections.abc import Mapping

import redis

from generation.models import Job, Status
from generation.queue import valkey

log = logging.getLogger(__name__)

Name = tuple[str, ...]

SUBMITTED, STARTED, RETURNED, ENDED, CHARGED_MS = (
    "submitted",
    "started",
    "returned",
    "ended",
    "charged_ms",
)
WAITED, WAITED_MS = "waited", "waited_ms"
# The upper bounds of the histogram's buckets, in seconds; longer waits fall into BEYOND.
WAIT_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
BEYOND = "+Inf"
_KEY = "tally"


def note(job: Job) -> None:
    """Count the job's latest transition. Never fails: without Valkey it is not counted."""
    try:
        _add(_counts(job))
    except (redis.RedisError, OSError) as error:
        log.warning("could not count job %s: %s", job.pk, error)


def read() -> dict[Name, int]:
    """Every count by its name, which is the kind followed by its labels. Raises redis.RedisError."""
    found = valkey.client().hgetall(_KEY)
    return {tuple(json.loads(name)): int(count) for name, count in found.items()}


def wait_bound(seconds: float) -> str:
    """The upper bound of a wait's bucket, as metrics write it."""
    index = bisect_left(WAIT_BOUNDS, seconds)
    return str(WAIT_BOUNDS[index]) if index < len(WAIT_BOUNDS) else BEYOND


def _counts(job: Job) -> dict[Name, int]:
    if job.is_final:
        return {
            (ENDED, job.status, job.error_code, job.checkpoint): 1,
            (CHARGED_MS, job.checkpoint): job.charged_ms or 0,
        }
    if job.status == Status.RUNNING:
        return {(STARTED, job.checkpoint): 1, **_waited(job)}
    return {(RETURNED if job.attempt else SUBMITTED, job.checkpoint): 1}


def _waited(job: Job) -> dict[Name, int]:
    """The first attempt's wait. Later attempts also ran before, so theirs is unknown."""
    if job.attempt > 1 or job.started_at is None:
        return {}
    seconds = (job.started_at - job.queued_at).total_seconds()
    return {(WAITED, wait_bound(seconds)): 1, (WAITED_MS,): round(seconds * 1_000)}


def _add(counts: Mapping[Name, int]) -> None:
    with valkey.client().pipeline(transaction=False) as pipeline:
        for name, count in counts.items():
            pipeline.hincrby(_KEY, json.dumps(name), count)
        pipeline.execute()
