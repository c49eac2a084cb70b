"""Run: the state of one request between its first denoising step and its last."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from generation.engine.diffusion.noise_schedule import NoiseSchedule
from generation.engine.diffusion.tiling import Tiling
from generation.engine.request import GenerationRequest


@dataclass(frozen=True, kw_only=True)
class Conditioning:
    """What the text encoders made of the prompts, by the name of the model's argument.

    Each tensor has one row: all pictures of a run share it. `negative` is None without guidance.
    """

    positive: Mapping[str, Tensor]
    negative: Mapping[str, Tensor] | None


@dataclass(frozen=True, kw_only=True)
class PreservedRegion:
    """The part of a picture that is not painted anew: where `mask`, (1, 1, height, width), is 0.

    `latents` and `noise` are shaped like the run's own.
    """

    latents: Tensor
    noise: Tensor
    mask: Tensor


class Run:
    """One request's latents, and what moves them on: its noise schedule and its generators.

    Latents are (pictures, channels, height, width), kept in float32 whatever the model computes in.
    Timesteps stay on the host, so that the schedule's arithmetic never waits for the device.
    `channels`, (pictures, more channels, height, width), is what the model sees beside the latents;
    `tiling` cuts what is larger than the model was made for.
    """

    def __init__(
        self,
        *,
        request: GenerationRequest,
        conditioning: Conditioning,
        schedule: NoiseSchedule,
        latents: Tensor,
        generators: Sequence[torch.Generator],
        batch_key: Hashable = None,
        channels: Tensor | None = None,
        preserved: PreservedRegion | None = None,
        tiling: Tiling | None = None,
    ) -> None:
        self.request = request
        self.conditioning = conditioning
        self.schedule = schedule
        self.latents = latents
        self.generators = list(generators)
        self.batch_key = batch_key
        self.step = 0
        self._channels = channels
        self._preserved = preserved
        self._tiling = tiling
        self._model_input: Tensor | None = None
        self._prediction: Tensor | None = None

    @property
    def steps(self) -> int:
        """Forward passes in all."""
        return len(self.schedule.timesteps)

    @property
    def is_done(self) -> bool:
        return self.step == self.steps

    @property
    def timestep(self) -> float:
        """The timestep of the next forward pass."""
        return float(self.schedule.timesteps[self.step])

    @property
    def num_inputs(self) -> int:
        """Rows of one pass over its pictures: one each, or one for each of their tiles."""
        return len(self.latents) * (self._tiling.count if self._tiling else 1)

    def model_input(self) -> Tensor:
        """Return what the model sees at this timestep, (num_inputs, channels, height, width).

        Calling it again changes nothing.
        """
        self._model_input = self.schedule.scale(self.latents, step=self.step)
        seen = self._model_input
        if self._channels is not None:
            seen = torch.cat([seen, self._channels], dim=1)
        return self._tiling.cut(seen) if self._tiling else seen

    def advance(self, prediction: Tensor) -> None:
        """Take one denoising step with the model's guided prediction, (num_inputs, ...)."""
        self._prediction = self._tiling.join(prediction) if self._tiling else prediction
        self.latents = self.schedule.advance(
            self._prediction, step=self.step, latents=self.latents, generators=self.generators
        )
        self.step += 1
        if self._preserved is not None:
            self._restore_preserved(self._preserved)

    def predicted_clean(self) -> Tensor:
        """Return the first picture's clean latents, (1, channels, ...), as last predicted."""
        assert self._model_input is not None and self._prediction is not None
        return self.schedule.predicted_clean(
            self._model_input[:1], self._prediction[:1], step=self.step - 1
        )

    def _restore_preserved(self, preserved: PreservedRegion) -> None:
        """Where nothing is painted anew, let the latents be the original's with as much noise."""
        original = preserved.latents
        if not self.is_done:
            original = self.schedule.add_noise(preserved.latents, preserved.noise, step=self.step)
        self.latents = (1 - preserved.mask) * original + preserved.mask * self.latents
