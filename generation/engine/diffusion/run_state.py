"""The state of a run between two steps, from which another process goes on to the same image.

The request, its conditioning and the constants of its noise schedule are not in it: they are made again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor

Value: TypeAlias = bool | int | float | str | Tensor | list[Any] | None
"""An attribute of a noise scheduler: a number, a tensor, or a list of them."""


class UnusableState(ValueError):
    """The state is damaged, or of another request or checkpoint; the run has to start over."""


@dataclass(frozen=True, kw_only=True)
class RunState:
    """`step` counts forward passes; `latents` are (images, channels, height, width), on any device.

    `generators` are the states of each image's generator, and `schedule` the attributes of the noise scheduler that
    differ from those of a new one.
    """

    step: int
    latents: Tensor
    generators: tuple[Tensor, ...]
    schedule: Mapping[str, Value]

    def alone(self, index: int) -> "RunState":
        """Return the state of image number `index`, from 0, as that of a run of its own.

        Its tensors are copies: they keep none of the others alive.
        """
        return RunState(
            step=self.step,
            latents=row_of(self.latents, index),
            generators=(self.generators[index].clone(),),
            schedule={
                name: _alone(value, index, latents=self.latents)
                for name, value in self.schedule.items()
            },
        )


def row_of(latents: Tensor, index: int) -> Tensor:
    """Return a copy of one image's latents, (1, channels, height, width)."""
    return latents[index : index + 1].clone()


def _alone(value: Value, index: int, *, latents: Tensor) -> Value:
    if isinstance(value, list):
        return [_alone(each, index, latents=latents) for each in value]
    if not isinstance(value, Tensor):
        return value
    # The others are numbers and rows of numbers for all images.
    is_of_images = value.ndim == latents.ndim and len(value) == len(latents)
    return row_of(value, index) if is_of_images else value.clone()
