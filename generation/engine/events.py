"""Events of a run, and its charges."""

from dataclasses import dataclass
from enum import StrEnum

from PIL.Image import Image

from generation.engine.messages import gettext_noop


class FailureCode(StrEnum):
    """Reasons for a run to fail."""

    NAN = "nan"
    PROMPT = "prompt"
    OUT_OF_MEMORY = "out_of_memory"
    BUDGET = "budget"
    DEADLINE = "deadline"
    LOAD = "load"
    ERROR = "error"


MESSAGES = {
    FailureCode.NAN: gettext_noop("The model gave no usable picture. Try another seed or size."),
    FailureCode.PROMPT: gettext_noop("The model cannot read this prompt. Use smaller weights."),
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
    in microseconds. The operator bears a charge that is not `billed`.
    """

    phase: str
    index: int | None = None
    us: int
    billed: bool = True


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
    """The run succeeded: its images, each with its seed. The last event for its key."""

    images: tuple[Image, ...]
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


End = Finished | Failed | Canceled
"""The last event of a run."""
