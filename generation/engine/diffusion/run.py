"""Run: the state of one request between its first denoising step and its last."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from generation.engine.diffusion.conditioning import Conditioning, Prompting
from generation.engine.diffusion.noise_schedule import NoiseSchedule
from generation.engine.diffusion.run_state import RunState, UnusableState
from generation.engine.diffusion.tiling import Tiling
from generation.engine.request import GenerationRequest


@dataclass(frozen=True, kw_only=True)
class PreservedRegion:
    """The region of an image that is not repainted: where `mask`, (1, 1, height, width), is 0.

    `latents` and `noise` have the shape of the run's own latents.
    """

    latents: Tensor
    noise: Tensor
    mask: Tensor


class Run:
    """One request's latents, noise schedule and generators.

    Latents are (images, channels, height, width), kept in float32 whatever the model computes in.
    Timesteps stay on the host, so that the schedule's arithmetic never waits for the device.
    `channels`, (images, more channels, height, width), are concatenated to the model's input;
    `tiling` cuts images larger than the model's native size. `steps_before` are denoising steps that a base
    model took: a prompt that changes goes on where it was.
    """

    def __init__(
        self,
        *,
        request: GenerationRequest,
        prompting: Prompting,
        schedule: NoiseSchedule,
        latents: Tensor,
        generators: Sequence[torch.Generator],
        batch_key: Hashable = None,
        channels: Tensor | None = None,
        preserved: PreservedRegion | None = None,
        tiling: Tiling | None = None,
        steps_before: int = 0,
    ) -> None:
        self.request = request
        self.prompting = prompting
        self.schedule = schedule
        self.latents = latents
        self.generators = list(generators)
        self.batch_key = batch_key
        self.step = 0
        self._channels = channels
        self._preserved = preserved
        self._tiling = tiling
        self._steps_before = steps_before
        self._model_input: Tensor | None = None
        self._prediction: Tensor | None = None

    @property
    def steps(self) -> int:
        """Number of forward passes."""
        return len(self.schedule.timesteps)

    @property
    def is_done(self) -> bool:
        return self.step == self.steps

    @property
    def timestep(self) -> float:
        """The timestep of the next forward pass."""
        return float(self.schedule.timesteps[self.step])

    @property
    def conditioning(self) -> Conditioning:
        """The conditioning of the next forward pass."""
        return self.prompting.at(self._steps_before + self.schedule.denoising_step(self.step))

    @property
    def num_inputs(self) -> int:
        """Rows of one pass: one an image, or one a tile of each."""
        return len(self.latents) * (self._tiling.count if self._tiling else 1)

    def model_input(self) -> Tensor:
        """Return the model's input at this timestep, (num_inputs, channels, height, width).

        Idempotent.
        """
        self._model_input = self.schedule.scale(self.latents, step=self.step)
        seen = self._model_input
        if self._channels is not None:
            seen = torch.cat([seen, self._channels], dim=1)
        return self._tiling.cut(seen) if self._tiling else seen

    def advance(self, prediction: Tensor) -> None:
        """Take one denoising step with the model's guided prediction, (num_inputs, channels, ...)."""
        self._prediction = self._tiling.join(prediction) if self._tiling else prediction
        self.latents = self.schedule.advance(
            self._prediction, step=self.step, latents=self.latents, generators=self.generators
        )
        self.step += 1
        if self._preserved is not None:
            self._restore_preserved(self._preserved)

    def state(self) -> RunState:
        """Return the state after the last step. Tensors stay where they are: nothing waits for the device."""
        return RunState(
            step=self.step,
            latents=self.latents,
            generators=tuple(generator.get_state() for generator in self.generators),
            schedule=self.schedule.state(),
        )

    def restore(self, state: RunState) -> None:
        """Let a new run go on from the state of an equal one. Raises UnusableState; it is new then."""
        if state.latents.shape != self.latents.shape or len(state.generators) != len(
            self.generators
        ):
            raise UnusableState(f"it has latents {tuple(state.latents.shape)}")
        if not 0 <= state.step <= self.steps:
            raise UnusableState(f"it is after step {state.step} of {self.steps}")
        self.schedule.restore(state.schedule, device=self.latents.device)
        for generator, kept in zip(self.generators, state.generators, strict=True):
            generator.set_state(kept)
        self.latents = state.latents.to(self.latents.device)
        self.step = state.step

    def predicted_clean(self, *, images: int) -> Tensor:
        """Return the clean latents of so many images, (images, channels, ...), as last predicted."""
        assert self._model_input is not None and self._prediction is not None
        return self.schedule.predicted_clean(
            self._model_input[:images], self._prediction[:images], step=self.step - 1
        )

    def _restore_preserved(self, preserved: PreservedRegion) -> None:
        """Overwrite the preserved region with the original at the current noise level."""
        original = preserved.latents
        if not self.is_done:
            original = self.schedule.add_noise(preserved.latents, preserved.noise, step=self.step)
        self.latents = (1 - preserved.mask) * original + preserved.mask * self.latents
