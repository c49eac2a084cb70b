"""Brownian noise: what DPM++ SDE adds, along a path of its own for every image of a run."""

from collections.abc import Sequence
from functools import cached_property

import torch
from diffusers.schedulers.scheduling_dpmsolver_sde import BrownianTreeNoiseSampler
from torch import Tensor

# A path rounds its ends to so many, and warns of a time beyond them.
_DIGITS = 6


class BrownianNoise:
    """Noise between two noise levels, along a path that the image's seed determines.

    By itself, diffusers draws one path for the whole batch, on the device, from a global seed. Here each
    image has the path of its own seed, drawn on the host: it comes out the same in any run, on any device.
    """

    def __init__(
        self, latents: Tensor, *, sigmas: Tensor, generators: Sequence[torch.Generator]
    ) -> None:
        self._device = latents.device
        self._shape = (1, *latents.shape[1:])
        ends = (sigmas[sigmas > 0].min(), sigmas.max())
        self._range = [round(float(end), _DIGITS) for end in ends]
        self._seeds = [generator.initial_seed() for generator in generators]

    def __call__(self, sigma: Tensor, next_sigma: Tensor) -> Tensor:
        """Return noise of unit variance, (images, channels, height, width)."""
        # The scheduler goes by way of logarithms, and leaves the range by a rounding error.
        ends = [one.double().clamp(*self._range) for one in (sigma, next_sigma)]
        return torch.cat([path(*ends) for path in self._paths]).to(self._device)

    @cached_property
    def _paths(self) -> list[BrownianTreeNoiseSampler]:
        # Made late: a run of one step needs none, and has no range to make one for.
        image = torch.zeros(self._shape)
        return [BrownianTreeNoiseSampler(image, *self._range, seed=seed) for seed in self._seeds]
