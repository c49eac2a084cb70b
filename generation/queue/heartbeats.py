"""Heartbeats of workers, once a second, for the queue page and the metrics.

They are hints that expire: a worker that is silent for EXPIRY_SECONDS counts as gone. The leases of its
jobs are independent of that.
"""

import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import redis
from django.core.cache import cache

log = logging.getLogger(__name__)

EXPIRY_SECONDS = 10
# The window of a pace: long enough for slow steps, short enough to see a change.
RECENT_SECONDS = 15.0
# Not "heartbeats": the release before pickled another class under that name.
_NAMES = "worker_heartbeats"
# A worker writes its name again this often; the name of a silent worker is dropped later.
_NAMED_SECONDS = 60.0
_FORGOTTEN_SECONDS = 3_600.0


@dataclass(frozen=True, kw_only=True)
class RunningJob:
    """A job on the worker's device."""

    job: str
    phase: str
    step: int
    steps: int


@dataclass(frozen=True, kw_only=True)
class Totals:
    """The device's totals since the worker started: forward passes, their rows, microseconds by phase."""

    steps: int
    rows: int
    busy_us: Mapping[str, int]

    @property
    def all_us(self) -> int:
        return sum(self.busy_us.values())


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The device's recent speed. `rows_per_step` is the batch size; `busy_share` is between 0 and 1."""

    steps_per_second: float = 0.0
    rows_per_step: float = 0.0
    busy_share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """One worker's latest report.

    `warm` are the checkpoints in its memory, `checkpoints` those in its model store; None comes from a
    worker of an earlier release. It claims nothing unless it `sees_media`, the site's media store.
    """

    worker: str
    device: str
    slots: int
    is_stopping: bool
    warm: tuple[str, ...]
    running: tuple[RunningJob, ...]
    totals: Totals
    pace: Pace
    checkpoints: tuple[str, ...] | None = None
    sees_media: bool = True

    @property
    def takes_jobs(self) -> bool:
        return self.sees_media and not self.is_stopping

    def has(self, checkpoint: str) -> bool:
        """True if the checkpoint is, or may be, in the worker's model store."""
        return self.checkpoints is None or checkpoint in self.checkpoints

    @property
    def machine(self) -> str:
        """The machine's name: a worker is called after it and its process."""
        return machine_of(self.worker)

    @property
    def computes_on_cpu(self) -> bool:
        return self.device.startswith("cpu")

    @property
    def busy_percent(self) -> int:
        return round(self.pace.busy_share * 100)

    @property
    def is_idle(self) -> bool:
        return self.takes_jobs and not self.running

    @property
    def free_slots(self) -> int:
        return self.slots - len(self.running) if self.takes_jobs else 0


class Pacer:
    """Computes the pace from totals; call it with the newest about once a second."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, Totals]] = deque()

    def __call__(self, totals: Totals, *, at: float | None = None) -> Pace:
        now = time.monotonic() if at is None else at
        self._seen.append((now, totals))
        while now - self._seen[0][0] > RECENT_SECONDS:
            self._seen.popleft()
        began, first = self._seen[0]
        steps, seconds = totals.steps - first.steps, now - began
        if not seconds:
            return Pace()
        return Pace(
            steps_per_second=steps / seconds,
            rows_per_step=(totals.rows - first.rows) / steps if steps else 0.0,
            # A step counts when it ends, so that one of an earlier window can exceed this one.
            busy_share=min(1.0, (totals.all_us - first.all_us) / (seconds * 1_000_000)),
        )


def say(heartbeat: Heartbeat) -> None:
    """Publish the heartbeat until it expires. Never fails: without Valkey it is lost."""
    try:
        _say(heartbeat)
    except (redis.RedisError, OSError) as error:
        log.warning("nobody hears this worker: %s", error)


def withdraw(worker: str) -> None:
    """Remove an ended worker's heartbeat. Never fails: it would expire by itself."""
    try:
        cache.delete(_key(worker))
    except (redis.RedisError, OSError) as error:
        log.warning("nobody hears that this worker ends: %s", error)


def alive() -> list[Heartbeat]:
    """The latest heartbeat of each live worker, sorted by name."""
    names: dict[str, float] = cache.get(_NAMES, {})
    found = cache.get_many([_key(name) for name in names])
    return sorted(found.values(), key=lambda heartbeat: heartbeat.worker)


def machine_of(worker: str) -> str:
    """The machine in a worker's name, which is "machine:process"."""
    return worker.rpartition(":")[0]


def _say(heartbeat: Heartbeat) -> None:
    cache.set(_key(heartbeat.worker), heartbeat, timeout=EXPIRY_SECONDS)
    names: dict[str, float] = cache.get(_NAMES, {})
    now = time.time()
    if now - names.get(heartbeat.worker, 0.0) > _NAMED_SECONDS:
        # Two workers may write at once, and one name is lost until its worker's next heartbeat.
        known = {name: at for name, at in names.items() if now - at < _FORGOTTEN_SECONDS}
        cache.set(_NAMES, {**known, heartbeat.worker: now}, timeout=None)


def _key(worker: str) -> str:
    return f"worker_heartbeat.{worker}"
