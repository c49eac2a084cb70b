"""Everything a browser is told while it watches, and how that gets there.

A message is a hint: losing or repeating one changes nothing. Each carries the sequence number of its
job's state, so that a page drops what is older than what it shows. The number follows from the row's
status and attempt and, while the job runs, from the count of what its worker has said.

    jobs.snapshot  {jobs: [state], balance_ms, held_ms}  on connecting, and whenever in doubt
    job.status     {job, seq, status, balance_ms, held_ms}   the row moved: fetch what shows it
    job.progress   {job, seq, phase, step, steps}        phase: loading, encoding, denoising, decoding
    a preview      16 bytes job id, 4 bytes seq (big endian), a JPEG
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import redis
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from billing import ledger
from billing.models import Unit
from generation.models import FINAL, Job, Status
from generation.queue import fair_queue, wait_reason

if TYPE_CHECKING:
    from accounts.models import User

log = logging.getLogger(__name__)

# All workers listen here.
WORKERS = "workers"
# Numbers for what one attempt can say; the last of them is how the job ended.
SEQ_PER_STATE = 2**20
# How long progress is kept for those who connect later; a job that runs says something more often.
PROGRESS_SECONDS = 3_600
# A socket says again that somebody watches before this is over, as long as something is drawn or in line.
WATCHED_SECONDS = 30

# A worker says again which checkpoints it has whenever it looks for work.
WARM_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a running job stands. `seq` counts on from its row's."""

    job: str
    seq: int
    phase: str
    step: int
    steps: int

    def to_message(self) -> dict[str, Any]:
        return {"type": "job.progress", **asdict(self)}


def user_group(user_id: int) -> str:
    """The group of all sockets of one user."""
    return f"user.{user_id}"


def seq_of(job: Job) -> int:
    """The number of the row's state: above all that was said of an earlier one."""
    # Parked is state 0, in line for the nth time state 2n - 1, running for the nth time state 2n.
    if job.is_parked:
        return 0
    state = 2 * job.attempt + (job.status != Status.RUNNING)
    return state * SEQ_PER_STATE + (SEQ_PER_STATE - 1 if job.status in FINAL else 0)


def snapshot(user: "User") -> dict[str, Any]:
    """All that a page needs to be right: the user's jobs that have not ended, and what is left to spend."""
    unfinished = Job.objects.for_user(user).unfinished().order_by("created_at", "id")
    jobs = list(fair_queue.with_position(unfinished))
    kept = _kept(_key_of(job) for job in jobs)
    return {
        "jobs": [_state(job, kept, images=()) for job in jobs],
        **_minutes(user),
    }


def job_state(job: Job) -> dict[str, Any]:
    """One job, ended or not, as a page shows it; `images` are those that its owner kept."""
    positioned = fair_queue.with_position(Job.objects.filter(pk=job.pk)).get()
    images = [
        {
            "id": str(image.pk),
            "page": image.get_absolute_url(),
            "url": reverse("image_file", args=[image.pk]),
        }
        for image in job.images.filter(deleted_at=None).order_by("index")
    ]
    return _state(positioned, _kept([_key_of(positioned)]), images=images)


def preview_of(job_id: UUID) -> tuple[int, bytes] | None:
    """The newest preview of a running job, and its number."""
    key = _preview_key(job_id)
    return _kept([key]).get(key)


def job_status(job: Job) -> None:
    """Tell the owner's browsers that the job's row has moved."""
    message = {
        "type": "job.status",
        "job": str(job.pk),
        "seq": seq_of(job),
        "status": job.status,
        **_minutes(job.user),
    }
    _send(user_group(job.user_id), {"type": "live.message", "message": message})


def ask_to_stop(job: Job) -> None:
    """Hint to the workers that `cancel_requested` was set: whoever runs the job stops at the next step."""
    _send(WORKERS, {"type": "job.cancel", "job": str(job.pk)})


def session_changed(user: "User") -> None:
    """Have every socket of the user look again whether it may stay open."""
    _send(user_group(user.pk), {"type": "session.changed"})


def keep_progress(progress: Iterable[Progress]) -> None:
    """Keep the latest for those who connect later."""
    cache.set_many({_progress_key(each.job): each for each in progress}, timeout=PROGRESS_SECONDS)


def keep_previews(previews: Mapping[UUID, tuple[int, bytes]]) -> None:
    """Keep the latest for those who connect later."""
    cache.set_many(
        {_preview_key(job_id): preview for job_id, preview in previews.items()},
        timeout=PROGRESS_SECONDS,
    )


def note_warm(checkpoints: Iterable[str]) -> None:
    """Say that a worker has these checkpoints in its memory, for WARM_SECONDS."""
    with _hint():
        cache.set_many({_warm_key(each): True for each in checkpoints}, timeout=WARM_SECONDS)


def note_watching(user_id: int) -> None:
    """Say that a browser of the user is watching, for WATCHED_SECONDS."""
    with _hint():
        cache.set(_watched_key(user_id), 1, timeout=WATCHED_SECONDS)


def watched(user_ids: Iterable[int]) -> frozenset[int]:
    """Those of the users who have a browser watching."""
    keys = {_watched_key(user_id): user_id for user_id in user_ids}
    return frozenset(keys[key] for key in _kept(keys))


def _minutes(user: "User") -> dict[str, int]:
    """What is left to spend, and what is set aside for the user's jobs that have not ended."""
    amounts = ledger.available_and_held(user, Unit.GPU_MS)
    return {"balance_ms": amounts.available, "held_ms": amounts.held}


def _state(
    job: Job, kept: Mapping[str, Any], *, images: Iterable[Mapping[str, str]]
) -> dict[str, Any]:
    """What a page shows of a job, with what is `kept` of its progress. That of an earlier attempt is none."""
    request = job.generation_request
    seq = seq_of(job)
    progress: Progress | None = kept.get(_progress_key(job.pk))
    if job.status != Status.RUNNING or (progress and progress.seq < seq):
        progress = None
    position, beside = getattr(job, "position", 1), getattr(job, "beside", 0)
    is_warm = _warm_key(job.checkpoint) in kept
    return {
        "job": str(job.pk),
        "seq": progress.seq if progress else seq,
        "status": job.status,
        "prompt": request.prompt,
        "width": request.width,
        "height": request.height,
        "phase": progress.phase if progress else "",
        "step": progress.step if progress else 0,
        "steps": request.evaluations,
        "position": position if job.status == Status.QUEUED else None,
        "waits": wait_reason.reason(job, position=position, beside=beside, is_warm=is_warm),
        "jobs_at_once": job.jobs_at_once,
        "is_relaxed": job.is_relaxed,
        "elapsed_ms": _elapsed_ms(job),
        "ceiling_ms": 0 if job.is_relaxed or job.pays_in_credits else job.hold_ms,
        "charged_ms": job.charged_ms,
        "credits": job.credits,
        "charged_credits": job.charged_credits,
        "error": _(job.error) if job.error else "",
        "images": list(images),
        "url": job.get_absolute_url(),
        "cancel_url": reverse("job_cancel", args=[job.pk]),
    }


def _elapsed_ms(job: Job) -> int | None:
    if job.status != Status.RUNNING or job.started_at is None:
        return None
    return round((timezone.now() - job.started_at).total_seconds() * 1_000)


def _send(group: str, message: dict[str, Any]) -> None:
    with _hint():
        async_to_sync(get_channel_layer().group_send)(group, message)


def _kept(keys: Iterable[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    with _hint():
        kept.update(cache.get_many(keys))
    return kept


@contextmanager
def _hint() -> Iterator[None]:
    """While Valkey is away, nothing is said and nothing known: whoever needs it looks at the rows."""
    try:
        yield
    except (redis.RedisError, OSError) as error:
        log.warning("a hint is lost: %s", error)


def _key_of(job: Job) -> str:
    """Of what may be kept and matters for the job: its progress, or while it waits, whether its checkpoint is warm."""
    return _progress_key(job.pk) if job.status == Status.RUNNING else _warm_key(job.checkpoint)


def _warm_key(checkpoint: str) -> str:
    return f"warm.{checkpoint}"


def _progress_key(job_id: UUID | str) -> str:
    return f"progress.{job_id}"


def _preview_key(job_id: UUID | str) -> str:
    return f"preview.{job_id}"


def _watched_key(user_id: int) -> str:
    return f"watched.{user_id}"
