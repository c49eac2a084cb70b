"""Ticket: the engine's state of one submission, from its arrival to its last event."""

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

from PIL.Image import Image
from torch import Tensor

from generation.engine.checkpoints.catalogue import Checkpoint
from generation.engine.diffusion.run import Run
from generation.engine.events import Charge, FailureCode
from generation.engine.loading.loader import Loaded
from generation.engine.request import GenerationRequest


@dataclass(eq=False, kw_only=True)
class Ticket:
    """One submission: its terms, its progress and its charges.

    `inputs` are the images that the request names. `checkpoint` is the current one: the base model,
    then the refiner, which goes on with the latents `carried`. `loaded` is set while the ticket uses its
    checkpoint, `run` from its encoding on. `deadline` and `previewed_at` are in seconds of
    `time.monotonic`.
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
    carried: Tensor | None = None
    steps_before: int = 0
    has_waited: bool = False
    has_started: bool = False
    is_live: bool = True
    previewed_at: float = float("-inf")
    charges: list[Charge] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)

    def charge(self, phase: str, us: int, *, index: int | None = None, billed: bool = True) -> None:
        """Append a charge of device time in microseconds."""
        self.charges.append(Charge(phase=phase, index=index, us=us, billed=billed))

    @property
    def ticket(self) -> "Ticket":
        """The ticket itself, so that tickets and pending images can be handled alike."""
        return self

    @property
    def progress(self) -> tuple[int, int]:
        """Forward passes done, and in all."""
        done = self.run.step if self.run else 0
        return self.steps_before + done, self.request.evaluations

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
        return bool(self.request.refiner_share) and self.carried is None

    def hand_over(self, refiner: Checkpoint) -> None:
        """Switch to the refiner, which goes on with the current latents."""
        assert self.run is not None
        self.steps_before = self.run.step
        self.carried = self.run.latents
        self.run = None
        self.checkpoint = refiner
        self.has_waited = False

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
