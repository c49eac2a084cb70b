"""Run: the state of one request between its first denoising step and its last."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from generation.engine.noise import NoiseSchedule
from generation.engine.request import GenerationRequest


@dataclass(frozen=True, kw_only=True)
class Conditioning:
    """What the text encoders made of the prompts, by the name of the model's argument.

    Each tensor has one row: all pictures of a run share it. `negative` is None without guidance.
    """

    positive: Mapping[str, Tensor]
    negative: Mapping[str, Tensor] | None


class Run:
    """One request's latents, and what moves them on: its noise schedule and its generators.

    Latents are (pictures, channels, height, width), kept in float32 whatever the model computes in.
    Timesteps stay on the host, so that the schedule's arithmetic never waits for the device.
    """

    def __init__(
        self,
        *,
        request: GenerationRequest,
        conditioning: Conditioning,
        schedule: NoiseSchedule,
        latents: Tensor,
        generators: Sequence[torch.Generator],
        batch_key: Hashable,
    ) -> None:
        self.request = request
        self.conditioning = conditioning
        self.schedule = schedule
        self.latents = latents
        self.generators = list(generators)
        self.batch_key = batch_key
        self.step = 0
        self._model_input: Tensor | None = None
        self._prediction: Tensor | None = None
        self._timestep = 0.0

    @property
    def steps(self) -> int:
        """Forward passes in all; equals the request's `evaluations`."""
        return len(self.schedule.timesteps)

    @property
    def is_done(self) -> bool:
        return self.step == self.steps

    @property
    def timestep(self) -> float:
        """The timestep of the next forward pass."""
        return float(self.schedule.timesteps[self.step])

    def model_input(self) -> Tensor:
        """Return the latents as the model wants them at this timestep.

        Calling it again changes nothing.
        """
        self._timestep = self.timestep
        self._model_input = self.schedule.scale(self.latents, step=self.step)
        return self._model_input

    def advance(self, prediction: Tensor) -> None:
        """Take one denoising step with the model's guided prediction, shaped like the latents."""
        self._prediction = prediction
        self.latents = self.schedule.advance(
            prediction, step=self.step, latents=self.latents, generators=self.generators
        )
        self.step += 1

    def predicted_clean(self) -> Tensor:
        """Return the first picture's clean latents, (1, channels, ...), as last predicted.

        The model always sees latents of unit variance, x = a * clean + s * noise with a^2 + s^2 =
        1, so this needs only a of the timestep and what the model predicts: the noise, or v = a *
        noise - s * clean (arXiv 2202.00512).
        """
        assert self._model_input is not None and self._prediction is not None
        alpha_squared = self.schedule.alpha_squared(self._timestep)
        a, s = math.sqrt(alpha_squared), math.sqrt(1 - alpha_squared)
        x, prediction = self._model_input[:1], self._prediction[:1]
        if self.schedule.prediction_type == "v_prediction":
            return a * x - s * prediction
        return (x - s * prediction) / max(a, 1e-3)
