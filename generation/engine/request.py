"""What a customer asks for, checked once, here, for the form, the APIs and the worker alike."""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

from generation.engine import catalogue
from generation.engine.catalogue import Checkpoint, Mode, UnknownCheckpoint

MAX_PROMPT_LENGTH = 2_000
MAX_STEPS = 150
MAX_GUIDANCE_SCALE = 30.0
MAX_SEED = 2**32 - 1
MAX_IMAGES = 4


class NoiseScheduler(StrEnum):
    """The noise schedulers (samplers) of diffusers that can be asked for."""

    DDIM = "ddim"
    EULER = "euler"
    EULER_ANCESTRAL = "euler_ancestral"
    DPMPP_2M = "dpmpp_2m"
    UNIPC = "unipc"
    HEUN = "heun"
    PNDM = "pndm"


class Message(str):  # noqa: SLOT000  # it carries what it was made from
    """A sentence fit to show; `gettext(msgid) % params` says it in another language."""

    msgid: str
    params: Mapping[str, int | float | str]

    def __new__(cls, msgid: str, **params: float | str) -> Self:
        message = super().__new__(cls, msgid % params)
        message.msgid = msgid
        message.params = MappingProxyType(params)
        return message


class InvalidRequest(ValueError):
    """The request cannot be run; `errors` has one message for each field that is wrong."""

    errors: dict[str, str]

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(f"{field}: {message}" for field, message in errors.items()))
        self.errors = errors


def gettext_noop(message: str) -> str:
    """Mark a message for extraction; it is translated where it is shown."""
    return message


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """One request for `num_images` pictures.

    Building an invalid one raises InvalidRequest with every error at once.

    A guidance scale of 1 or less switches guidance off: the negative prompt is then unused and a
    step costs one pass.
    """

    prompt: str
    negative_prompt: str = ""
    checkpoint: str
    mode: Mode = Mode.TEXT_TO_IMAGE
    width: int
    height: int
    num_inference_steps: int
    guidance_scale: float
    noise_scheduler: NoiseScheduler
    seed: int
    num_images: int = 1

    def __post_init__(self) -> None:
        errors = _errors_in_text(self) | _errors_in_numbers(self) | _errors_in_checkpoint(self)
        if errors:
            raise InvalidRequest(errors)

    @property
    def pixels(self) -> int:
        """Pixels of one picture."""
        return self.width * self.height

    @property
    def megapixels(self) -> float:
        return self.pixels / 1_000_000

    @property
    def passes(self) -> int:
        """Forward passes that one picture needs for one step: two with guidance, one without."""
        return 2 if self.guidance_scale > 1 else 1

    @property
    def rows(self) -> int:
        """Rows that one step adds to a forward pass of the model."""
        return self.num_images * self.passes

    @property
    def work(self) -> int:
        """What one step costs, relative to other requests of the checkpoint: rows x pixels."""
        return self.rows * self.pixels

    @property
    def evaluations(self) -> int:
        """Forward passes in all: Heun takes two a step but for the last, PNDM one more to start."""
        if self.noise_scheduler is NoiseScheduler.HEUN:
            return 2 * self.num_inference_steps - 1
        if self.noise_scheduler is NoiseScheduler.PNDM and self.num_inference_steps > 1:
            return self.num_inference_steps + 1
        return self.num_inference_steps

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each picture: each is the picture that its seed gives alone."""
        return tuple((self.seed + index) % (MAX_SEED + 1) for index in range(self.num_images))

    def to_dict(self) -> dict[str, Any]:
        """Return the request as JSON can hold it; `from_dict` reads it back."""
        return {
            name: str(value) if isinstance(value, StrEnum) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build a request from JSON; what is unknown, missing or mistyped raises InvalidRequest."""
        known = {field.name: field for field in fields(cls)}
        errors: dict[str, str] = {
            name: Message(gettext_noop("This setting is not known."))
            for name in data
            if name not in known
        }
        values = {}
        for name, field in known.items():
            if name in data:
                try:
                    values[name] = _READERS[field.type](data[name])
                except (TypeError, ValueError):
                    errors[name] = Message(gettext_noop("This value is not of the right kind."))
            elif field.default is MISSING:
                errors[name] = Message(gettext_noop("This setting is missing."))
        if errors:
            raise InvalidRequest(errors)
        return cls(**values)


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _read_int(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(value)
    return value


def _read_float(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(value)
    return float(value)


_READERS: Mapping[Any, Callable[[Any], Any]] = {
    str: _read_text,
    int: _read_int,
    float: _read_float,
    Mode: Mode,
    NoiseScheduler: NoiseScheduler,
}


def _errors_in_text(request: GenerationRequest) -> dict[str, str]:
    errors: dict[str, str] = {}
    for name in ("prompt", "negative_prompt"):
        text = getattr(request, name)
        if len(text) > MAX_PROMPT_LENGTH:
            errors[name] = Message(
                gettext_noop("Use at most %(limit)d characters."), limit=MAX_PROMPT_LENGTH
            )
        elif not _is_storable(text):
            errors[name] = Message(gettext_noop("This text has characters that cannot be stored."))
    if not request.prompt.strip():
        errors["prompt"] = Message(gettext_noop("Say what the picture should show."))
    return errors


def _is_storable(text: str) -> bool:
    """Say whether PostgreSQL and UTF-8 take the text: they refuse NUL and half surrogates."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _errors_in_numbers(request: GenerationRequest) -> dict[str, str]:
    limits: dict[str, tuple[float, float]] = {
        "num_inference_steps": (1, MAX_STEPS),
        "guidance_scale": (0, MAX_GUIDANCE_SCALE),
        "seed": (0, MAX_SEED),
        "num_images": (1, MAX_IMAGES),
    }
    return {
        name: Message(gettext_noop("Choose a number from %(low)d to %(high)d."), low=low, high=high)
        for name, (low, high) in limits.items()
        if not _is_within(getattr(request, name), low, high)
    }


def _is_within(number: float, low: float, high: float) -> bool:
    return math.isfinite(number) and low <= number <= high


def _errors_in_checkpoint(request: GenerationRequest) -> dict[str, str]:
    try:
        checkpoint = catalogue.get(request.checkpoint)
    except UnknownCheckpoint:
        return {"checkpoint": Message(gettext_noop("This checkpoint is not in the catalogue."))}
    errors = _errors_in_size(request, checkpoint)
    if request.mode not in checkpoint.modes:
        errors["mode"] = Message(
            gettext_noop("%(checkpoint)s cannot do this."), checkpoint=checkpoint.name
        )
    return errors


def _errors_in_size(request: GenerationRequest, checkpoint: Checkpoint) -> dict[str, str]:
    message = Message(
        gettext_noop("Choose a multiple of %(multiple)d from %(low)d to %(high)d pixels."),
        multiple=checkpoint.multiple,
        low=checkpoint.min_size,
        high=checkpoint.max_size,
    )
    return {
        name: message
        for name in ("width", "height")
        if getattr(request, name) % checkpoint.multiple
        or not checkpoint.min_size <= getattr(request, name) <= checkpoint.max_size
    }
