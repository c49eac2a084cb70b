"""A claimed job while a worker's engine runs it: phase, step and news for browsers."""

import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from PIL.Image import Image

from billing import pricing
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
    billed_us: int = 0
    loading_seconds: float = 0.0
    phase_began: float = field(default_factory=time.monotonic)
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

    def enter(self, phase: str) -> None:
        """Change the phase; the time of loading, which is free, is summed up."""
        now = time.monotonic()
        if self.phase == "loading":
            self.loading_seconds += now - self.phase_began
        self.phase, self.phase_began = phase, now

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
            # As the receipt will have it: what exceeds the quote is not charged.
            billed_ms=min(pricing.capture_ms(self.billed_us), self.job.hold_ms),
            free_ms=self.job.waited_ms + round(self.loading_seconds * 1_000),
        )

    def work(self) -> RunningJob:
        """The attempt's entry in the worker's heartbeat."""
        return RunningJob(
            job=str(self.job.pk), phase=self.phase, step=self.step, steps=self.request.evaluations
        )
