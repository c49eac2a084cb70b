"""Ticket: the engine's state of one submission, from its arrival to its last event."""

import math
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from PIL.Image import Image
from torch import Tensor

from generation.engine.charges import Charge
from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.catalogue import Checkpoint
from generation.engine.diffusion.run import Run
from generation.engine.diffusion.run_state import UnusableState
from generation.engine.failures import FailureCode
from generation.engine.loading.loader import Loaded
from generation.engine.request import GenerationRequest
from generation.engine.saved_run import SavedRun


def first_checkpoint(request: GenerationRequest, state: SavedRun | None) -> Checkpoint:
    """Return the checkpoint that a run begins with: the base model, or its refiner in a state of that."""
    base = catalogue.get(request.checkpoint)
    if state and state.is_refining and request.refiner_share:
        return catalogue.get(base.refiner)
    return base


def steps_to_keep(request: GenerationRequest, shares: Iterable[float]) -> frozenset[int]:
    """Return the steps at these shares of the whole schedule that come before the request's last."""
    if request.draft_steps:
        return frozenset()
    steps = {round(share * request.evaluations_in_full) for share in shares}
    return frozenset(steps.intersection(range(request.origin_step + 1, request.evaluations)))


@dataclass(eq=False, kw_only=True)
class Ticket:
    """One submission: its terms, its progress and its charges.

    `inputs` are the images that the request names. `checkpoint` is the current one: the base model,
    then the refiner, which goes on with the latents `carried`. `loaded` is set while the ticket uses its
    checkpoint, `run` from its encoding on. `saved` is what it goes on from, until its run is prepared: what was saved
    of an earlier attempt, else the `origin` that the request names. `states` are those after `kept_steps` so far.
    `deadline`, `previewed_at` and `saved_at` are in seconds of `time.monotonic`.
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
    origin: SavedRun | None = None
    kept_steps: Collection[int] = ()
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
    states: list[SavedRun] = field(default_factory=list)
    _billed: set[tuple[str, int | None]] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        if self.saved:
            self.charges = list(self.saved.charges)
            self._billed |= {(each.phase, each.index) for each in self.charges if each.billed}
        self._go_on_from(self.saved or self.origin)

    def _go_on_from(self, saved: SavedRun | None) -> None:
        self.saved = saved
        self.is_refining = bool(saved and saved.is_refining)
        self.steps_before = saved.steps_before if saved else 0
        self.carried = saved.latents_to_refine if saved else None

    def charge(self, phase: str, us: int, *, index: int | None = None, billed: bool = True) -> None:
        """Append a charge of device time in microseconds. What has an index is billed once."""
        is_new = index is None or (phase, index) not in self._billed
        self.charges.append(Charge(phase=phase, index=index, us=us, billed=billed and is_new))
        if billed:
            self._billed.add((phase, index))

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
        return self.run is not None and not self.run.is_done and not self.is_drafted

    @property
    def is_drafted(self) -> bool:
        """True once a draft has made its last step."""
        return 0 < self.request.draft_steps <= self.progress[0]

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
        if self.saved:
            self._restore(run, self.saved)
        self.saved = None
        self.run = run

    def _restore(self, run: Run, saved: SavedRun) -> None:
        if self.is_refining and run.latents.shape != self._latents_shape:
            raise UnusableState(f"it has latents {tuple(run.latents.shape)}")
        steps = self.steps_before + run.steps
        if self.is_refining and steps != self.request.evaluations_in_full:
            raise UnusableState(f"with it, the run has {steps} steps")
        if 0 < self.request.draft_steps <= saved.step:
            raise UnusableState("its last prediction is gone, and with it the draft's previews")
        if saved.run:
            run.restore(saved.run)
        if saved is not self.origin and any(step <= saved.step for step in self.kept_steps):
            # It stands in for those that the earlier attempt has lost.
            self.states = [saved.without_charges()]

    @property
    def _latents_shape(self) -> tuple[int, int, int, int]:
        assert self.loaded is not None
        pipeline, request = self.loaded.pipeline, self.request
        height, width = (
            side // pipeline.vae_scale_factor for side in (request.height, request.width)
        )
        return request.num_images, pipeline.latent_channels, height, width

    def start_over(self) -> None:
        """Forget what was saved and begin anew, from the origin if there is one, at the cost of the house."""
        self._go_on_from(self.origin)
        self.charges.clear()
        self._billed.clear()
        self.states.clear()
        self.checkpoint = first_checkpoint(self.request, self.origin)

    @property
    def is_resumed(self) -> bool:
        """True while a run in mid-way waits to be prepared again."""
        return self.saved is not None and self.saved.run is not None and not self.is_at_origin

    @property
    def is_at_origin(self) -> bool:
        """True until the run is prepared that goes on from the origin itself."""
        return self.saved is not None and self.saved is self.origin

    @property
    def has_other_origin(self) -> bool:
        """True if its origin is not one that its request can go on from."""
        if self.origin is None:
            return False
        is_refining_alone = self.origin.is_refining and not self.request.refiner_share
        return self.origin.step != self.request.origin_step or is_refining_alone

    @property
    def is_of_other_content(self) -> bool:
        """True if it was saved with other weights than those that are loaded now."""
        assert self.loaded is not None
        version = self.loaded.pipeline.version
        return bool(self.saved and self.saved.run and self.saved.version != version)

    def save(self) -> SavedRun | None:
        """Return the state after the last step; before the first, what was saved before, or None."""
        charges = tuple(self.charges)
        if self.run is None and (self.saved or not self.is_refining):
            return None if self.is_at_origin else self.saved
        if self.run is None or (self.run.is_done and self.awaits_refiner):
            return SavedRun(
                version="",
                run=None,
                is_refining=True,
                steps_before=self.run.step if self.run else self.steps_before,
                carried=self.run.latents if self.run else self.carried,
                charges=charges,
            )
        return SavedRun(
            version=self.loaded.pipeline.version if self.loaded else "",
            run=self.run.state(),
            is_refining=self.is_refining,
            steps_before=self.steps_before,
            carried=None,
            charges=charges,
        )

    def keep_state(self) -> None:
        """Keep the state after the last step, if it is one of `kept_steps`."""
        if self.progress[0] in self.kept_steps and (saved := self.save()):
            self.states.append(saved.without_charges())

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
