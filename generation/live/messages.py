"""Messages to browsers and workers over the channel layer.

A message is a hint: losing or repeating one changes nothing, because the rows hold the truth. Each carries
the sequence number of its job's state, so that a page drops what is older than what it shows. The number
follows from the row's status and attempt and, while the job runs, from a count of its worker's messages.

    jobs.snapshot  {jobs: [state], balance_ms, held_ms}  on connecting, and whenever in doubt
    job.status     {job, seq, status, balance_ms, held_ms}   the row moved: fetch its fragment again
    job.progress   {job, seq, phase, step, steps, billed_ms, free_ms}
                   phase: loading, encoding, denoising, decoding
    a preview      16 bytes job id, 4 bytes seq (big endian), a JPEG
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import redis
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from billing import ledger
from billing.models import Unit
from generation.models import FINAL, Job, Status

if TYPE_CHECKING:
    from accounts.models import User

log = logging.getLogger(__name__)

# The group that all workers listen to.
WORKERS = "workers"
# Sequence numbers for one state of a job; the last is for its end.
SEQ_PER_STATE = 2**20


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A running job's phase and step. `seq` counts up from the number of the job's row.

    `billed_ms` is the GPU time billed so far, `free_ms` the time of waiting and loading before it.
    """

    job: str
    seq: int
    phase: str
    step: int
    steps: int
    # Defaults for progress that a worker of the release before has left in the cache.
    billed_ms: int = 0
    free_ms: int = 0

    def to_message(self) -> dict[str, Any]:
        return {"type": "job.progress", **asdict(self)}


def user_group(user_id: int) -> str:
    """The group of all sockets of one user."""
    return f"user.{user_id}"


def seq_of(job: Job) -> int:
    """The first sequence number of the row's state, above those of all earlier states."""
    # Parked is state 0, queued for the nth time state 2n - 1, running for the nth time state 2n.
    if job.is_parked:
        return 0
    state = 2 * job.attempt + (job.status != Status.RUNNING)
    return state * SEQ_PER_STATE + (SEQ_PER_STATE - 1 if job.status in FINAL else 0)


def minutes(user: "User") -> dict[str, int]:
    """The GPU time that the user can spend, and the part held for unfinished jobs, in milliseconds."""
    amounts = ledger.available_and_held(user, Unit.GPU_MS)
    return {"balance_ms": amounts.available, "held_ms": amounts.held}


def job_status(job: Job) -> None:
    """Tell the owner's browsers that the job's row has moved."""
    message = {
        "type": "job.status",
        "job": str(job.pk),
        "seq": seq_of(job),
        "status": job.status,
        **minutes(job.user),
    }
    _send(user_group(job.user_id), {"type": "live.message", "message": message})


def ask_to_stop(job: Job) -> None:
    """Tell the workers that `cancel_requested` was set: the job's worker stops it at the next step."""
    _send(WORKERS, {"type": "job.cancel", "job": str(job.pk)})


def session_changed(user: "User") -> None:
    """Have every socket of the user check again that its session is valid."""
    _send(user_group(user.pk), {"type": "session.changed"})


@contextmanager
def may_be_lost() -> Iterator[None]:
    """Log and swallow the errors of a missing Valkey: readers fall back to the rows."""
    try:
        yield
    except (redis.RedisError, OSError) as error:
        log.warning("a hint is lost: %s", error)


def _send(group: str, message: dict[str, Any]) -> None:
    with may_be_lost():
        async_to_sync(get_channel_layer().group_send)(group, message)
