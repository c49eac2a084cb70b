"""Events of a run."""

from dataclasses import dataclass

from PIL.Image import Image

from generation.engine.charges import Charge
from generation.engine.failures import FailureCode
from generation.engine.saved_run import SavedRun


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event of the run that was submitted under `key`."""

    key: str


@dataclass(frozen=True, kw_only=True)
class Loading(Event):
    """The run waits until its checkpoint is loaded."""


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """The run has started on the device."""


@dataclass(frozen=True, kw_only=True)
class Stepped(Event):
    """Forward pass number `step` of `steps` is done; `steps` is the request's `evaluations`.

    `us` is this run's share of the pass, `billed_us` all that it was billed so far, in microseconds.
    """

    step: int
    steps: int
    us: int
    billed_us: int


@dataclass(frozen=True, kw_only=True)
class Previewed(Event):
    """A preview of the first image, 128 to 256 pixels on its longer side."""

    step: int
    steps: int
    image: Image


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """The run succeeded: its images, each with its seed. The last event for its key.

    `states` are those that the engine was to keep, in the order of their steps and without charges.
    """

    images: tuple[Image, ...]
    seeds: tuple[int, ...]
    charges: tuple[Charge, ...]
    states: tuple[SavedRun, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Drafted(Event):
    """The run was set aside as a draft, with a preview of each image. The last event for its key.

    An image goes on from its part of `saved`, which has no charges.
    """

    saved: SavedRun
    previews: tuple[Image, ...]
    seeds: tuple[int, ...]
    charges: tuple[Charge, ...]


@dataclass(frozen=True, kw_only=True)
class Canceled(Event):
    """The run was canceled. The last event for its key."""

    charges: tuple[Charge, ...]


@dataclass(frozen=True, kw_only=True)
class Failed(Event):
    """The run ended without images. The last event for its key.

    `message` is for the customer, `detail` for the operator.
    """

    code: FailureCode
    message: str
    detail: str
    charges: tuple[Charge, ...]


@dataclass(frozen=True, kw_only=True)
class Saved(Event):
    """The run's state after its last step, which it goes on from."""

    saved: SavedRun


@dataclass(frozen=True, kw_only=True)
class Suspended(Event):
    """The run has left the engine and can go on from `saved`. The last event for its key.

    None if it had not started: it starts over, or from the state that it came with.
    """

    saved: SavedRun | None


End = Finished | Drafted | Failed | Canceled | Suspended
"""The last event of a run."""
