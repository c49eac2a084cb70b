"""Noise schedulers: the diffusers class behind each name, and one run's own instance."""

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_dpmsolver_sde import DPMSolverSDEScheduler
from diffusers.schedulers.scheduling_euler_ancestral_discrete import EulerAncestralDiscreteScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)
from diffusers.schedulers.scheduling_flow_match_heun_discrete import FlowMatchHeunDiscreteScheduler
from diffusers.schedulers.scheduling_heun_discrete import HeunDiscreteScheduler
from diffusers.schedulers.scheduling_k_dpm_2_ancestral_discrete import (
    KDPM2AncestralDiscreteScheduler,
)
from diffusers.schedulers.scheduling_k_dpm_2_discrete import KDPM2DiscreteScheduler
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from diffusers.schedulers.scheduling_lms_discrete import LMSDiscreteScheduler
from diffusers.schedulers.scheduling_pndm import PNDMScheduler
from diffusers.schedulers.scheduling_tcd import TCDScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from torch import Tensor

from generation.engine.diffusion.brownian_noise import BrownianNoise
from generation.engine.diffusion.euler_ancestral import EulerAncestral
from generation.engine.diffusion.run_state import Value
from generation.engine.enums import NoiseScheduler, SigmaSchedule

Options = Mapping[str, Any]

_DIFFUSION: Mapping[NoiseScheduler, tuple[Any, Options]] = {
    NoiseScheduler.DDIM: (DDIMScheduler, {}),
    NoiseScheduler.DDPM: (DDPMScheduler, {}),
    NoiseScheduler.EULER: (EulerDiscreteScheduler, {}),
    NoiseScheduler.EULER_ANCESTRAL: (EulerAncestralDiscreteScheduler, {}),
    NoiseScheduler.DPMPP_2M: (DPMSolverMultistepScheduler, {}),
    NoiseScheduler.DPMPP_2M_KARRAS: (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    NoiseScheduler.DPMPP_2M_SDE: (
        DPMSolverMultistepScheduler,
        {"algorithm_type": "sde-dpmsolver++"},
    ),
    NoiseScheduler.DPMPP_2M_SDE_HEUN: (
        DPMSolverMultistepScheduler,
        {"algorithm_type": "sde-dpmsolver++", "solver_type": "heun"},
    ),
    NoiseScheduler.DPMPP_SDE: (DPMSolverSDEScheduler, {}),
    NoiseScheduler.DPM2: (KDPM2DiscreteScheduler, {}),
    NoiseScheduler.DPM2_ANCESTRAL: (KDPM2AncestralDiscreteScheduler, {}),
    NoiseScheduler.UNIPC: (UniPCMultistepScheduler, {}),
    NoiseScheduler.HEUN: (HeunDiscreteScheduler, {}),
    # Stable Diffusion's own configuration leaves out PNDM's Runge-Kutta start, which also couldn't
    # do fewer than four steps.
    NoiseScheduler.PNDM: (PNDMScheduler, {"skip_prk_steps": True}),
    NoiseScheduler.LMS: (LMSDiscreteScheduler, {}),
    NoiseScheduler.LCM: (LCMScheduler, {}),
    NoiseScheduler.TCD: (TCDScheduler, {}),
}
# The name of a noise scheduler decides these. A configuration that has them would give two names one meaning.
_DECIDED_BY_NAME = frozenset(
    {
        "algorithm_type",
        "euler_at_final",
        "lower_order_final",
        "solver_order",
        "solver_type",
        "use_beta_sigmas",
        "use_exponential_sigmas",
        "use_karras_sigmas",
        "use_lu_lambdas",
    }
)
# The noise's path follows from the seeds.
_MADE_AGAIN = frozenset({"noise_sampler"})
# Some attributes come with the first step.
_NOTHING = object()
# Flow matching has solvers of its own.
_FLOW: Mapping[NoiseScheduler, tuple[Any, Options]] = {
    NoiseScheduler.EULER: (FlowMatchEulerDiscreteScheduler, {}),
    NoiseScheduler.HEUN: (FlowMatchHeunDiscreteScheduler, {}),
}
_SIGMA_OPTIONS: Mapping[SigmaSchedule, Options] = {
    SigmaSchedule.UNIFORM: {},
    SigmaSchedule.KARRAS: {"use_karras_sigmas": True},
    SigmaSchedule.EXPONENTIAL: {"use_exponential_sigmas": True},
    SigmaSchedule.BETA: {"use_beta_sigmas": True},
    SigmaSchedule.SGM_UNIFORM: {"timestep_spacing": "trailing"},
}


@dataclass(frozen=True, kw_only=True)
class ScheduleRange:
    """The range of a schedule that a run goes through.

    `begin` counts denoising steps left out at the start, as in image to image. A base model stops at
    the timestep `until`, and its refiner goes on `below` it.
    """

    begin: int = 0
    until: int | None = None
    below: int | None = None


def build(
    name: NoiseScheduler,
    *,
    config: Options,
    sigma_schedule: SigmaSchedule = SigmaSchedule.UNIFORM,
) -> Any:
    """Return a new noise scheduler of this kind for the checkpoint's configuration.

    The configuration says how the model was trained; the names say how its noise is removed.
    """
    is_flow = str(config.get("_class_name", "")).startswith("FlowMatch")
    scheduler_class, options = (_FLOW if is_flow else _DIFFUSION)[name]
    kept = {name: value for name, value in config.items() if name not in _DECIDED_BY_NAME}
    return scheduler_class.from_config(kept, **{**options, **_SIGMA_OPTIONS[sigma_schedule]})


class NoiseSchedule:
    """One run's noise scheduler with its timesteps set. Stateful: never shared between runs.

    `schedule_range` limits the steps; None keeps all of them. `mu` shifts a flow's timesteps by the
    image's size, if its configuration asks for it. `eta` is the share of fresh noise in DDIM and Euler ancestral;
    None keeps the scheduler's own.
    """

    def __init__(
        self,
        name: NoiseScheduler,
        *,
        config: Options,
        steps: int,
        sigma_schedule: SigmaSchedule = SigmaSchedule.UNIFORM,
        schedule_range: ScheduleRange | None = None,
        mu: float | None = None,
        eta: float | None = None,
    ) -> None:
        self._scheduler = build(name, config=config, sigma_schedule=sigma_schedule)
        if eta is not None and name is NoiseScheduler.EULER_ANCESTRAL:
            self._scheduler = EulerAncestral.from_config(self._scheduler.config)
        takes_shift = "mu" in inspect.signature(self._scheduler.set_timesteps).parameters
        shift = {"mu": mu} if mu is not None and takes_shift else {}
        self._scheduler.set_timesteps(steps, device="cpu", **shift)
        self._takes_generator = "generator" in inspect.signature(self._scheduler.step).parameters
        takes_eta = "eta" in inspect.signature(self._scheduler.step).parameters
        self._eta = {"eta": eta} if eta is not None and takes_eta else {}
        self._is_flow = hasattr(self._scheduler, "scale_noise")
        self.timesteps: Tensor = self._scheduler.timesteps
        if schedule_range is not None:
            self._keep(schedule_range)
        # PNDM evaluates its first step twice. Others may repeat a timestep by rounding, which is no such step.
        is_pndm = isinstance(self._scheduler, PNDMScheduler)
        timesteps = self.timesteps.tolist()
        self._repeated = len(timesteps) - len(set(timesteps)) if is_pndm else 0
        self.init_noise_sigma = float(getattr(self._scheduler, "init_noise_sigma", 1.0))
        self.prediction_type: str = self._scheduler.config.get("prediction_type", "velocity")
        self._new = {name: _copied(value) for name, value in vars(self._scheduler).items()}

    def state(self) -> dict[str, Value]:
        """Return the attributes of the noise scheduler that its steps have changed, by name."""
        return {
            name: _copied(value)
            for name, value in vars(self._scheduler).items()
            if name not in _MADE_AGAIN and not _is_same(value, self._new.get(name, _NOTHING))
        }

    def restore(self, state: Mapping[str, Value], *, device: torch.device) -> None:
        """Let a new schedule go on from the state of an equal one.

        Latents and predictions are moved to `device`; single numbers stay on the host.
        """
        for name, value in state.items():
            setattr(self._scheduler, name, _moved(value, device))

    @property
    def denoising_steps(self) -> int:
        """Denoising steps in all: fewer than timesteps where a step evaluates the denoiser twice."""
        return self.denoising_step(len(self.timesteps) - 1) + 1

    def denoising_step(self, step: int) -> int:
        """Return the number of the denoising step, from 0, that a forward pass belongs to."""
        if self._scheduler.order > 1:
            return int(step // self._scheduler.order)
        return max(step - self._repeated, 0)

    def scale(self, latents: Tensor, *, step: int) -> Tensor:
        """Return the latents as the model's input at this step (counted from 0)."""
        if self._is_flow:
            return latents
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

        Each image's noise comes from its own generator. Must be called once a step, in order.
        """
        noise = (
            {"generator": list(generators)} if self._takes_generator and not self._is_flow else {}
        )
        if isinstance(self._scheduler, DPMSolverSDEScheduler) and not self._scheduler.noise_sampler:
            self._scheduler.noise_sampler = BrownianNoise(
                latents, sigmas=self._scheduler.sigmas, generators=generators
            )
        advanced: Tensor = self._scheduler.step(
            prediction, self.timesteps[step], latents, **self._eta, **noise, return_dict=False
        )[0]
        return advanced

    def add_noise(self, latents: Tensor, noise: Tensor, *, step: int) -> Tensor:
        """Return clean latents with the noise level of latents before this step."""
        timestep = self.timesteps[step : step + 1]
        noisy: Tensor
        if self._is_flow:
            noisy = self._scheduler.scale_noise(latents, timestep, noise)
        else:
            noisy = self._scheduler.add_noise(latents, noise, timestep)
        return noisy

    def predicted_clean(self, model_input: Tensor, prediction: Tensor, *, step: int) -> Tensor:
        """Return the clean latents implied by a prediction, diffusers' `pred_original_sample`.

        A flow model sees x = (1 - t) * clean + t * noise and predicts noise - clean (arXiv 2210.02747).
        Others see latents of unit variance, x = a * clean + s * noise with a^2 + s^2 = 1, so this needs
        only the timestep's a and the prediction: the noise, or v = a * noise - s * clean (arXiv 2202.00512).
        """
        timestep = float(self.timesteps[step])
        if self._is_flow:
            share = timestep / float(self._scheduler.config.num_train_timesteps)
            return model_input - share * prediction
        alphas: Tensor = self._scheduler.alphas_cumprod
        alpha_squared = float(alphas[min(max(round(timestep), 0), len(alphas) - 1)])
        a, s = math.sqrt(alpha_squared), math.sqrt(1 - alpha_squared)
        if self.prediction_type == "v_prediction":
            return a * model_input - s * prediction
        return (model_input - s * prediction) / max(a, 1e-3)

    def _keep(self, schedule_range: ScheduleRange) -> None:
        """Keep the range's timesteps, and tell the scheduler its first."""
        # Some schedulers have several timesteps a step, some one extra in all.
        first = schedule_range.begin * self._scheduler.order
        if schedule_range.below is not None:
            first = int((self.timesteps >= schedule_range.below).sum())
        if hasattr(self._scheduler, "set_begin_index"):
            self._scheduler.set_begin_index(first)
        self.timesteps = self.timesteps[first:]
        if schedule_range.until is not None:
            self.timesteps = self.timesteps[self.timesteps >= schedule_range.until]


def _copied(value: Any) -> Any:
    # Some schedulers change their lists in place; tensors they replace.
    return list(value) if isinstance(value, list) else value


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, list):
        return [_moved(each, device) for each in value]
    return value.to(device) if isinstance(value, Tensor) and value.ndim else value


def _is_same(value: Any, other: Any) -> bool:
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(map(_is_same, value, other))
    if value is other:
        return True
    plain = (bool, int, float, str)
    return isinstance(value, plain) and type(value) is type(other) and value == other
