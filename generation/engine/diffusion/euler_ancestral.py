"""Euler ancestral with a share of its fresh noise, `eta`, which diffusers' own has no setting for."""

from typing import Any

from diffusers.schedulers.scheduling_euler_ancestral_discrete import EulerAncestralDiscreteScheduler
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor


class EulerAncestral(EulerAncestralDiscreteScheduler):  # type: ignore[misc]  # untyped library
    """Diffusers' scheduler whose step takes `eta`: 1 is its own step, 0 plain Euler's."""

    def step(
        self,
        model_output: Tensor,
        timestep: Any,
        sample: Tensor,
        *,
        generator: Any = None,
        return_dict: bool = False,
        eta: float = 1.0,
    ) -> tuple[Tensor, Tensor]:
        """Take one step from sigma to a lower one (Karras et al. 2022 as in k-diffusion).

        Fresh noise of `eta` times the ancestral deviation replaces what the step removes beyond its target.
        """
        if self.step_index is None:
            self._init_step_index(timestep)
        sigma, target = self.sigmas[self.step_index : self.step_index + 2]
        clean = self._clean(model_output, sample, sigma)
        up = eta * (target**2 * (sigma**2 - target**2) / sigma**2) ** 0.5
        down = (target**2 - up**2) ** 0.5
        noise = randn_tensor(sample.shape, generator=generator, device=sample.device)
        advanced = sample + (sample - clean) / sigma * (down - sigma) + noise * up
        self._step_index += 1
        return advanced, clean

    def _clean(self, prediction: Tensor, sample: Tensor, sigma: Tensor) -> Tensor:
        if self.config.prediction_type == "v_prediction":
            return sample / (sigma**2 + 1) - prediction * sigma / (sigma**2 + 1) ** 0.5
        return sample - sigma * prediction
