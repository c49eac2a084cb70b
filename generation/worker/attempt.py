"""A claimed job while a worker's engine runs it: phase, step and news for browsers."""

import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from PIL.Image import Image

from billing import pricing
from generation.engine import saved_run
from generation.engine.events import End
from generation.engine.saved_run import SavedRun
from generation.jobs.saved_runs import SavedState
from generation.live import messages
from generation.live.messages import Progress
from generation.models import Job, Pause
from generation.queue.heartbeats import RunningJob

# The least time between two progress messages of one phase. Steps may be far shorter.
PROGRESS_SECONDS = 0.25


@dataclass(eq=False)
class Attempt:
    """One attempt. `seq` counts up from the row's number; the engine's last event resolves `end`.

    It goes on from what was `saved`. Once it is to leave the engine, `paused_for` says why.
    """

    job: Job
    inputs: Mapping[str, Image]
    saved: SavedRun | None = None
    end: "Future[End]" = field(default_factory=Future)
    seq: int = 0
    phase: str = "encoding"
    step: int = field(init=False)
    billed_us: int = field(init=False)
    loading_seconds: float = 0.0
    phase_began: float = field(default_factory=time.monotonic)
    is_lost: bool = False
    can_be_kept: bool = True
    paused_for: Pause | None = None
    told_phase: str = ""
    told_at: float = 0.0

    def __post_init__(self) -> None:
        self.request = self.job.generation_request
        self.seq = messages.seq_of(self.job)
        self.began = self.step = self.saved.step if self.saved else self.request.origin_step
        charges = self.saved.charges if self.saved else ()
        self.billed_us = sum(charge.us for charge in charges if charge.billed)

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

    def state_of(self, saved: SavedRun) -> SavedState:
        """Its saved run, in the form in which it is kept for another attempt."""
        content = saved_run.dumps(saved)
        return SavedState(step=saved.step, began=self.began, content=content, charges=saved.charges)

    @property
    def may_be_paused(self) -> bool:
        """True if it has made a step of its own, and leaves a state from which it can go on."""
        is_leaving = self.is_lost or self.paused_for is not None
        return self.step > self.began and self.can_be_kept and not is_leaving

    def note_step(self, step: int, *, billed_us: int) -> None:
        """Note a step that was made. One at or before its begin says that the run has started over."""
        if step <= self.began:
            self.began = self.request.origin_step
            self.saved = None
        self.step, self.billed_us = step, billed_us

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
