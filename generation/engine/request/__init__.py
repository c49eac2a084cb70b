"""What a customer asks for, checked once, here, for the form, the APIs and the worker alike."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self

from generation.engine.checkpoints import catalogue
from generation.engine.enums import ENLARGEMENT, Family, Mode, NoiseScheduler
from generation.engine.messages import Message, gettext_noop
from generation.engine.request import validation
from generation.engine.request.tiles import tiles_of
from generation.engine.request.validation import (
    MAX_GUIDANCE_SCALE,
    MAX_IMAGES,
    MAX_NOISE_LEVEL,
    MAX_PROMPT_LENGTH,
    MAX_REFINER_SHARE,
    MAX_SEED,
    MAX_STEPS,
)

__all__ = [
    "MAX_GUIDANCE_SCALE",
    "MAX_IMAGES",
    "MAX_NOISE_LEVEL",
    "MAX_PROMPT_LENGTH",
    "MAX_REFINER_SHARE",
    "MAX_SEED",
    "MAX_STEPS",
    "GenerationRequest",
    "InvalidRequest",
    "Message",
    "NoiseScheduler",
    "gettext_noop",
]


class InvalidRequest(ValueError):
    """The request cannot be run; `errors` has one message for each field that is wrong."""

    errors: dict[str, str]

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(f"{field}: {message}" for field, message in errors.items()))
        self.errors = errors


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """One request for `num_images` pictures.

    Building an invalid one raises InvalidRequest with every error at once.

    A guidance scale of 1 or less switches guidance off: the negative prompt is then unused and a
    step costs one pass. `image`, `mask` and `depth` name the input pictures (the SHA-256 of their
    files); the pictures themselves go along beside the request. `strength` is how much of a picture
    is given up, 1 all of it. `padding` is what outpainting adds (left, top, right, bottom; width
    and height include it), `noise_level` what the upscaler adds to the small picture, and
    `refiner_share` the last part of the noise, which the checkpoint's refiner removes. `exact`
    shares no step with others, whose company would change the last bits.
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
    image: str = ""
    mask: str = ""
    depth: str = ""
    strength: float = 1.0
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    noise_level: int = 20
    refiner_share: float = 0.0
    exact: bool = False

    @classmethod
    def usual(cls, checkpoint: catalogue.Checkpoint, /, **changes: Any) -> Self:
        """What is asked of a checkpoint by who changes no setting but these."""
        values: dict[str, Any] = {
            "prompt": "-",
            "checkpoint": checkpoint.id,
            "width": checkpoint.native_size,
            "height": checkpoint.native_size,
            "num_inference_steps": checkpoint.num_inference_steps,
            "guidance_scale": checkpoint.guidance_scale,
            "noise_scheduler": NoiseScheduler(checkpoint.noise_scheduler),
            "seed": 0,
        }
        return cls(**values | changes)

    def __post_init__(self) -> None:
        if errors := validation.errors_in(self):
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
    def tiles(self) -> int:
        """Tiles that a picture too large for its model is cut into; else 1."""
        if self.mode is not Mode.UPSCALE:
            return 1
        return tiles_of(self.width // ENLARGEMENT, self.height // ENLARGEMENT)

    @property
    def rows(self) -> int:
        """Rows that one step adds to a forward pass of the model."""
        return self.num_images * self.passes * self.tiles

    @property
    def work(self) -> int:
        """What one step costs, relative to other requests of the checkpoint: passes x pixels."""
        return self.num_images * self.passes * self.pixels

    @property
    def first_step(self) -> int:
        """Denoising steps that are left out because the picture is not given up altogether.

        Counted as diffusers' pipelines do, which round differently.
        """
        steps = self.num_inference_steps
        if not self.mode.has_picture:
            return 0
        checkpoint = catalogue.CHECKPOINTS.get(self.checkpoint)
        if checkpoint is not None and checkpoint.family is Family.SD3:
            return int(max(steps - steps * self.strength, 0))
        return steps - int(steps * self.strength)

    @property
    def evaluations(self) -> int:
        """Forward passes in all: Heun takes two a step but for the last, PNDM one more to start."""
        steps = self.num_inference_steps
        if self.noise_scheduler is NoiseScheduler.HEUN:
            return 2 * (steps - self.first_step) - 1
        if self.noise_scheduler is NoiseScheduler.PNDM and steps > 1:
            return steps + 1 - self.first_step
        return steps - self.first_step

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
        return cls(**cls._values_in(data))

    @classmethod
    def stored(cls, data: Mapping[str, Any]) -> Self:
        """Build a request that was valid once, and may not be any more.

        Its checkpoint can be gone, or a limit lower than it was; what was made from it stays.
        """
        request = object.__new__(cls)
        values = {field.name: field.default for field in fields(cls)} | cls._values_in(data)
        for name, value in values.items():
            object.__setattr__(request, name, value)
        return request

    @classmethod
    def _values_in(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        """Read each field from JSON. Raises InvalidRequest."""
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
        return values


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


def _read_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _read_padding(value: Any) -> tuple[int, ...]:
    sides = tuple(_read_int(side) for side in value)
    if len(sides) != len(("left", "top", "right", "bottom")):
        raise ValueError(value)
    return sides


_READERS: Mapping[Any, Callable[[Any], Any]] = {
    str: _read_text,
    int: _read_int,
    float: _read_float,
    bool: _read_bool,
    tuple[int, int, int, int]: _read_padding,
    Mode: Mode,
    NoiseScheduler: NoiseScheduler,
}
