"""What the engine says about a run, and what the run cost."""

from dataclasses import dataclass
from enum import StrEnum

from PIL.Image import Image

from generation.engine.messages import gettext_noop


class FailureCode(StrEnum):
    """Why a run failed."""

    NAN = "nan"
    OUT_OF_MEMORY = "out_of_memory"
    BUDGET = "budget"
    DEADLINE = "deadline"
    LOAD = "load"
    ERROR = "error"


MESSAGES = {
    FailureCode.NAN: gettext_noop("The model gave no usable picture. Try another seed or size."),
    FailureCode.OUT_OF_MEMORY: gettext_noop("The picture is too large for this device's memory."),
    FailureCode.BUDGET: gettext_noop("The run took far longer than expected and was stopped."),
    FailureCode.DEADLINE: gettext_noop("The run did not finish in time."),
    FailureCode.LOAD: gettext_noop("This checkpoint could not be loaded."),
    FailureCode.ERROR: gettext_noop("Something went wrong while making this picture."),
}


@dataclass(frozen=True, kw_only=True)
class Charge:
    """Device time spent on one run's behalf.

    `phase` is load, encode, step or decode; `index` counts steps from 1; `us` is this run's share
    in microseconds. What is not `billed` is the house's.
    """

    phase: str
    index: int | None = None
    us: int
    billed: bool = True


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something happened to the run that was submitted under `key`."""

    key: str


@dataclass(frozen=True, kw_only=True)
class Loading(Event):
    """The run waits for its checkpoint."""


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """The run is on the device from now on."""


@dataclass(frozen=True, kw_only=True)
class Stepped(Event):
    """Forward pass number `step` of `steps` is done; `steps` is the request's `evaluations`."""

    step: int
    steps: int
    us: int


@dataclass(frozen=True, kw_only=True)
class Previewed(Event):
    """What the first picture is becoming, 128 to 256 pixels on its longer side."""

    step: int
    steps: int
    image: Image


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """The pictures, each with its seed. No more events follow for this key."""

    images: tuple[Image, ...]
    seeds: tuple[int, ...]
    charges: tuple[Charge, ...]


@dataclass(frozen=True, kw_only=True)
class Canceled(Event):
    """The run was taken off the device. No more events follow for this key."""

    charges: tuple[Charge, ...]


@dataclass(frozen=True, kw_only=True)
class Failed(Event):
    """The run ended without pictures.

    `message` is for the customer, `detail` for the operator. No more events follow.
    """

    code: FailureCode
    message: str
    detail: str
    charges: tuple[Charge, ...]


End = Finished | Failed | Canceled
"""The last event of a run."""
