"""The latest of each running job and worker, kept in Valkey until it expires.

These are hints, as messages are: progress and previews for browsers that connect later, the checkpoints
that are warm, and the users who have a page open.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.cache import cache

from generation.live.messages import Progress, may_be_lost
from generation.models import Job, Status

# Longer than the gap between two messages of a running job.
PROGRESS_SECONDS = 3_600
# A socket renews this in time, as long as a job of its user is active.
WATCHED_SECONDS = 30
# A worker renews this at each claim.
WARM_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Latest:
    """Progress by job id, perhaps of an earlier attempt, and the warm checkpoints."""

    progress: Mapping[str, Progress]
    warm: frozenset[str]


def keep_progress(progress: Iterable[Progress]) -> None:
    """Keep the progress of several jobs for browsers that connect later."""
    cache.set_many({_progress_key(each.job): each for each in progress}, timeout=PROGRESS_SECONDS)


def keep_previews(previews: Mapping[UUID, tuple[int, bytes]]) -> None:
    """Keep (seq, JPEG) by job for browsers that connect later."""
    cache.set_many(
        {_preview_key(job_id): preview for job_id, preview in previews.items()},
        timeout=PROGRESS_SECONDS,
    )


def read(jobs: Iterable[Job]) -> Latest:
    """The latest progress of running and paused jobs, and the warm checkpoints of waiting ones. One request."""
    listed = list(jobs)
    begun = [job for job in listed if _is_running(job) or job.is_paused]
    progress = {_progress_key(job.pk): str(job.pk) for job in begun}
    warm = {_warm_key(job.checkpoint): job.checkpoint for job in listed if not _is_running(job)}
    kept = _get([*progress, *warm])
    return Latest(
        progress={progress[key]: kept[key] for key in progress if key in kept},
        warm=frozenset(warm[key] for key in warm if key in kept),
    )


def preview_of(job_id: UUID) -> tuple[int, bytes] | None:
    """The newest preview of a running job as (seq, JPEG)."""
    key = _preview_key(job_id)
    return _get([key]).get(key)


def note_warm(checkpoints: Iterable[str]) -> None:
    """Say that a worker has these checkpoints in memory, for WARM_SECONDS."""
    with may_be_lost():
        cache.set_many({_warm_key(each): True for each in checkpoints}, timeout=WARM_SECONDS)


def note_watching(user_id: int) -> None:
    """Say that the user has a page open, for WATCHED_SECONDS."""
    with may_be_lost():
        cache.set(_watched_key(user_id), 1, timeout=WATCHED_SECONDS)


def watched(user_ids: Iterable[int]) -> frozenset[int]:
    """The users among `user_ids` who have a page open."""
    keys = {_watched_key(user_id): user_id for user_id in user_ids}
    return frozenset(keys[key] for key in _get(keys))


def _get(keys: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with may_be_lost():
        found.update(cache.get_many(keys))
    return found


def _is_running(job: Job) -> bool:
    return job.status == Status.RUNNING


def _warm_key(checkpoint: str) -> str:
    return f"warm.{checkpoint}"


def _progress_key(job_id: UUID | str) -> str:
    # Not "progress.": the release before pickled another class under that name.
    return f"job_progress.{job_id}"


def _preview_key(job_id: UUID | str) -> str:
    return f"preview.{job_id}"


def _watched_key(user_id: int) -> str:
    return f"watched.{user_id}"
