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
