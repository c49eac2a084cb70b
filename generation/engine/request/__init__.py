"""The validated request for images, shared by the form, the APIs and the worker."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self

from generation.engine.checkpoints.checkpoint import Checkpoint
from generation.engine.enums import NoiseScheduler, SigmaSchedule
from generation.engine.request import json_fields, validation
from generation.engine.request.limits import (
    MAX_CLIP_SKIP,
    MAX_DRAFTS,
    MAX_GUIDANCE_SCALE,
    MAX_IMAGES,
    MAX_MASK_BLUR,
    MAX_MASK_PADDING,
    MAX_NOISE_LEVEL,
    MAX_PROMPT_LENGTH,
    MAX_REFINER_SHARE,
    MAX_SEED,
    MAX_STEPS,
)
from generation.engine.request.settings import Settings
from generation.engine.request.validation import InvalidRequest

__all__ = [
    "MAX_CLIP_SKIP",
    "MAX_DRAFTS",
    "MAX_GUIDANCE_SCALE",
    "MAX_IMAGES",
    "MAX_MASK_BLUR",
    "MAX_MASK_PADDING",
    "MAX_NOISE_LEVEL",
    "MAX_PROMPT_LENGTH",
    "MAX_REFINER_SHARE",
    "MAX_SEED",
    "MAX_STEPS",
    "GenerationRequest",
    "InvalidRequest",
]

_SELDOM = frozenset({"origin", "origin_step", "draft_steps"})


@dataclass(frozen=True, kw_only=True)
class GenerationRequest(Settings):
    """Valid settings. The constructor raises InvalidRequest with all errors at once."""

    @classmethod
    def usual(cls, checkpoint: Checkpoint, /, **changes: Any) -> Self:
        """Return a request with the checkpoint's own settings, except for `changes`."""
        values: dict[str, Any] = {
            "prompt": "-",
            "checkpoint": checkpoint.id,
            "width": checkpoint.native_size,
            "height": checkpoint.native_size,
            "num_inference_steps": checkpoint.num_inference_steps,
            "guidance_scale": checkpoint.guidance_scale,
            "noise_scheduler": NoiseScheduler(checkpoint.noise_scheduler),
            "sigma_schedule": SigmaSchedule(checkpoint.sigma_schedule),
            "seed": 0,
        }
        return cls(**values | changes)

    def __post_init__(self) -> None:
        if errors := validation.errors_in(self):
            raise InvalidRequest(errors)

    def to_dict(self) -> dict[str, Any]:
        """Return the request as JSON values; `from_dict` reads them.

        The fields of branches and drafts are there only in those, so that the release before reads all others.
        """
        return {
            name: str(value) if isinstance(value, StrEnum) else value
            for name, value in asdict(self).items()
            if value or name not in _SELDOM
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build a request from JSON values. Raises InvalidRequest."""
        return cls(**json_fields.read(data))

    @classmethod
    def stored(cls, data: Mapping[str, Any]) -> Self:
        """Build a stored request without validating it.

        Its checkpoint may be gone since, or a limit may be lower; its images remain.
        """
        request = object.__new__(cls)
        values = {field.name: field.default for field in fields(cls)} | json_fields.read(data)
        for name, value in values.items():
            object.__setattr__(request, name, value)
        return request

    def alone(self, index: int) -> Self:
        """Return the request that makes image number `index`, from 0, alone. It is not validated again."""
        own = {"seed": self.seeds[index], "subseed": self.subseeds[index], "num_images": 1}
        return self.stored({**self.to_dict(), **own})
