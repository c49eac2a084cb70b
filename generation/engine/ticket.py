"""Ticket: what the engine keeps of one submission, from its arrival to its last event."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from PIL.Image import Image

from generation.engine.catalogue import Checkpoint
from generation.engine.events import Charge, FailureCode
from generation.engine.loader import Loaded
from generation.engine.request import GenerationRequest
from generation.engine.run import Run


@dataclass(eq=False, kw_only=True)
class Ticket:
    """One submission: its terms, where it stands, and what it has cost so far.

    `loaded` is set while it holds its checkpoint, `run` from its encoding on. `deadline` and
    `previewed_at` are in seconds of `time.monotonic`.
    """

    key: str
    request: GenerationRequest
    checkpoint: Checkpoint
    weight: int
    budget_us: int | None
    deadline: float | None
    wants_preview: Callable[[], bool]
    loaded: Loaded | None = None
    run: Run | None = None
    has_waited: bool = False
    is_live: bool = True
    previewed_at: float = float("-inf")
    charges: list[Charge] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)

    def charge(self, phase: str, us: int, *, index: int | None = None, billed: bool = True) -> None:
        """Note device time spent for this ticket."""
        self.charges.append(Charge(phase=phase, index=index, us=us, billed=billed))

    @property
    def ticket(self) -> "Ticket":
        """The ticket that the work for this item is for: itself, as `Picture.ticket` is its own."""
        return self

    @property
    def progress(self) -> tuple[int, int]:
        """Forward passes done, and in all."""
        assert self.run is not None
        return self.run.step, self.run.steps

    @property
    def is_stepping(self) -> bool:
        """Whether a denoising step is still ahead."""
        return self.run is not None and not self.run.is_done

    def pictures(self) -> list["Picture"]:
        """Return the ticket's pictures, once its latents are finished."""
        return [Picture(ticket=self, index=index) for index in range(self.request.num_images)]

    @property
    def billed_us(self) -> int:
        return sum(charge.us for charge in self.charges if charge.billed)

    def overrun(self) -> FailureCode | None:
        """Say which of its limits the ticket has passed, if any."""
        if self.budget_us is not None and self.billed_us >= self.budget_us:
            return FailureCode.BUDGET
        if self.deadline is not None and time.monotonic() >= self.deadline:
            return FailureCode.DEADLINE
        return None

    def is_due_for_preview(self, *, interval: float) -> bool:
        """Say whether somebody watches and has seen nothing new for `interval` seconds."""
        return time.monotonic() - self.previewed_at >= interval and self.wants_preview()


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One of a ticket's pictures: number `index`, from 0."""

    ticket: Ticket
    index: int

    @property
    def run(self) -> Run:
        """The run whose latents hold the picture."""
        assert self.ticket.run is not None
        return self.ticket.run
