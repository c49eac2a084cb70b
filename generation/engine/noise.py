"""Noise schedulers: the class of diffusers behind each name, and one run's own instance."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_euler_ancestral_discrete import EulerAncestralDiscreteScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_heun_discrete import HeunDiscreteScheduler
from diffusers.schedulers.scheduling_pndm import PNDMScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from torch import Tensor

from generation.engine.request import NoiseScheduler

CLASSES: Mapping[NoiseScheduler, Any] = {
    NoiseScheduler.DDIM: DDIMScheduler,
    NoiseScheduler.EULER: EulerDiscreteScheduler,
    NoiseScheduler.EULER_ANCESTRAL: EulerAncestralDiscreteScheduler,
    NoiseScheduler.DPMPP_2M: DPMSolverMultistepScheduler,
    NoiseScheduler.UNIPC: UniPCMultistepScheduler,
    NoiseScheduler.HEUN: HeunDiscreteScheduler,
    NoiseScheduler.PNDM: PNDMScheduler,
}

# Stable Diffusion's own configuration leaves out PNDM's Runge-Kutta start, which also couldn't do
# fewer than four steps.
_OVERRIDES: Mapping[NoiseScheduler, Mapping[str, Any]] = {
    NoiseScheduler.PNDM: {"skip_prk_steps": True},
}


def build(name: NoiseScheduler, *, config: Mapping[str, Any]) -> Any:
    """Return a new noise scheduler of this kind for the checkpoint's configuration."""
    return CLASSES[name].from_config(config, **_OVERRIDES.get(name, {}))


class NoiseSchedule:
    """One run's noise scheduler with its timesteps set. Stateful: never shared between runs."""

    def __init__(self, name: NoiseScheduler, *, config: Mapping[str, Any], steps: int) -> None:
        self._scheduler = build(name, config=config)
        self._scheduler.set_timesteps(steps, device="cpu")
        self._takes_generator = "generator" in inspect.signature(self._scheduler.step).parameters
        self.timesteps: Tensor = self._scheduler.timesteps
        self.init_noise_sigma = float(self._scheduler.init_noise_sigma)
        self.prediction_type: str = self._scheduler.config.prediction_type

    def scale(self, latents: Tensor, *, step: int) -> Tensor:
        """Return the latents as the model wants them at this step (counted from 0)."""
        scaled: Tensor = self._scheduler.scale_model_input(latents, self.timesteps[step])
        return scaled

    def advance(
        self,
        prediction: Tensor,
        *,
        step: int,
        latents: Tensor,
        generators: Sequence[torch.Generator],
    ) -> Tensor:
        """Return the latents of the next, less noisy timestep.

        Each picture's noise comes from its own generator.
        """
        noise = {"generator": list(generators)} if self._takes_generator else {}
        advanced: Tensor = self._scheduler.step(
            prediction, self.timesteps[step], latents, **noise, return_dict=False
        )[0]
        return advanced

    def alpha_squared(self, timestep: float) -> float:
        """Return the signal's share of the variance (0 to 1) at this training timestep."""
        alphas: Tensor = self._scheduler.alphas_cumprod
        return float(alphas[min(max(round(timestep), 0), len(alphas) - 1)])
