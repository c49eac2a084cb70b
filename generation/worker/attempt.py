"""A claimed job while a worker's engine runs it: phase, step and news for browsers."""

import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from PIL.Image import Image

from generation.engine.events import End
from generation.live import messages
from generation.live.messages import Progress
from generation.models import Job
from generation.queue.heartbeats import RunningJob

# The least time between two progress messages of one phase. Steps may be far shorter.
PROGRESS_SECONDS = 0.25


@dataclass(eq=False)
class Attempt:
    """One attempt. `seq` counts up from the row's number; the engine's last event resolves `end`."""

    job: Job
    inputs: Mapping[str, Image]
    end: "Future[End]" = field(default_factory=Future)
    seq: int = 0
    phase: str = "encoding"
    step: int = 0
    is_lost: bool = False
    is_handed_back: bool = False
    told_phase: str = ""
    told_at: float = 0.0

    def __post_init__(self) -> None:
        self.request = self.job.generation_request
        self.seq = messages.seq_of(self.job)

    @property
    def key(self) -> str:
        """The engine's name for this attempt."""
        return f"{self.job.pk}:{self.job.attempt}"

    @property
    def has_news(self) -> bool:
        """True if a progress message is due."""
        is_late = time.monotonic() - self.told_at >= PROGRESS_SECONDS
        return is_late or self.phase != self.told_phase

    def progress(self) -> Progress:
        """The progress message under the next sequence number."""
        self.told_phase, self.told_at = self.phase, time.monotonic()
        self.seq += 1
        return Progress(
            job=str(self.job.pk),
            seq=self.seq,
            phase=self.phase,
            step=self.step,
            steps=self.request.evaluations,
        )

    def work(self) -> RunningJob:
        """The attempt's entry in the worker's heartbeat."""
        return RunningJob(
            job=str(self.job.pk), phase=self.phase, step=self.step, steps=self.request.evaluations
        )
