"""Ticket: the engine's state of one submission, from its arrival to its last event."""

import math
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

from PIL.Image import Image
from torch import Tensor

from generation.engine.charges import Charge
from generation.engine.checkpoints.catalogue import Checkpoint
from generation.engine.diffusion.run import Run
from generation.engine.failures import FailureCode
from generation.engine.loading.loader import Loaded
from generation.engine.request import GenerationRequest
from generation.engine.saved_run import SavedRun


@dataclass(eq=False, kw_only=True)
class Ticket:
    """One submission: its terms, its progress and its charges.

    `inputs` are the images that the request names. `checkpoint` is the current one: the base model,
    then the refiner, which goes on with the latents `carried`. `loaded` is set while the ticket uses its
    checkpoint, `run` from its encoding on. `saved` is what it goes on from, until its run is prepared. `deadline`,
    `previewed_at` and `saved_at` are in seconds of `time.monotonic`.
    """

    key: str
    request: GenerationRequest
    inputs: Mapping[str, Image]
    checkpoint: Checkpoint
    weight: int
    budget_us: int | None
    deadline: float | None
    wants_preview: Callable[[], bool]
    loaded: Loaded | None = None
    run: Run | None = None
    saved: SavedRun | None = None
    carried: Tensor | None = None
    is_refining: bool = False
    steps_before: int = 0
    has_waited: bool = False
    has_started: bool = False
    is_live: bool = True
    previewed_at: float = -math.inf
    saved_at: float = field(default_factory=time.monotonic)
    charges: list[Charge] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.saved:
            self.is_refining = self.saved.is_refining
            self.steps_before = self.saved.steps_before
            self.carried = self.saved.latents_to_refine
            self.charges = list(self.saved.charges)

    def charge(self, phase: str, us: int, *, index: int | None = None, billed: bool = True) -> None:
        """Append a charge of device time in microseconds. What has an index is billed once."""
        is_new = index is None or (phase, index) not in self._billed
        self.charges.append(Charge(phase=phase, index=index, us=us, billed=billed and is_new))

    @property
    def _billed(self) -> set[tuple[str, int | None]]:
        return {(charge.phase, charge.index) for charge in self.charges if charge.billed}

    @property
    def ticket(self) -> "Ticket":
        """The ticket itself, so that tickets and pending images can be handled alike."""
        return self

    @property
    def progress(self) -> tuple[int, int]:
        """Forward passes done, and in all."""
        if self.run:
            return self.steps_before + self.run.step, self.request.evaluations
        return self.saved.step if self.saved else self.steps_before, self.request.evaluations

    @property
    def is_stepping(self) -> bool:
        """True while a denoising step is ahead."""
        return self.run is not None and not self.run.is_done

    @property
    def batch_key(self) -> Hashable:
        """The key that runs must share to be denoised in one pass."""
        assert self.run is not None
        return self.run.batch_key

    @property
    def awaits_refiner(self) -> bool:
        """True until a refiner has taken over, if the request wants one."""
        return bool(self.request.refiner_share) and not self.is_refining

    def hand_over(self, refiner: Checkpoint) -> None:
        """Switch to the refiner, which goes on with the current latents."""
        assert self.run is not None
        self.steps_before = self.run.step
        self.carried = self.run.latents
        self.is_refining = True
        self.run = None
        self.checkpoint = refiner
        self.has_waited = False

    def adopt(self, run: Run) -> None:
        """Take the prepared run, which goes on from what was saved. Raises UnusableState."""
        if self.saved and self.saved.run:
            run.restore(self.saved.run)
        self.saved = None
        self.run = run

    def start_over(self, base: Checkpoint) -> None:
        """Forget what was saved and begin with the base model, at the cost of the house."""
        self.saved = None
        self.carried = None
        self.is_refining = False
        self.steps_before = 0
        self.charges = []
        self.checkpoint = base

    @property
    def is_resumed(self) -> bool:
        """True while a run in mid-way waits to be prepared again."""
        return self.saved is not None and self.saved.run is not None

    @property
    def is_of_other_content(self) -> bool:
        """True if it was saved with other weights than those that are loaded now."""
        assert self.loaded is not None
        version = self.loaded.pipeline.version
        return bool(self.saved and self.saved.run and self.saved.version != version)

    def save(self) -> SavedRun | None:
        """Return the state after the last step; before the first, what it came with, or None."""
        if self.run is None and (self.saved or not self.is_refining):
            return self.saved
        return SavedRun(
            version=self.loaded.pipeline.version if self.loaded else "",
            run=self.run.state() if self.run else None,
            is_refining=self.is_refining,
            steps_before=self.steps_before,
            carried=None if self.run else self.carried,
            charges=tuple(self.charges),
        )

    def is_due_for_saving(self, *, interval: float) -> bool:
        """Say whether the last state is `interval` seconds old."""
        return time.monotonic() - self.saved_at >= interval

    def pending_images(self) -> list["PendingImage"]:
        """Return the images to decode, once the latents are finished."""
        return [PendingImage(ticket=self, index=index) for index in range(self.request.num_images)]

    @property
    def billed_us(self) -> int:
        return sum(charge.us for charge in self.charges if charge.billed)

    def overrun(self) -> FailureCode | None:
        """Return the code of an exceeded limit, or None."""
        if self.budget_us is not None and self.billed_us >= self.budget_us:
            return FailureCode.BUDGET
        if self.deadline is not None and time.monotonic() >= self.deadline:
            return FailureCode.DEADLINE
        return None

    def is_due_for_preview(self, *, interval: float) -> bool:
        """Say whether somebody watches and the last preview is `interval` seconds old."""
        return time.monotonic() - self.previewed_at >= interval and self.wants_preview()


@dataclass(frozen=True, kw_only=True)
class PendingImage:
    """Image number `index`, from 0, of a ticket with finished latents."""

    ticket: Ticket
    index: int

    @property
    def run(self) -> Run:
        """The run whose latents hold the image."""
        assert self.ticket.run is not None
        return self.ticket.run
