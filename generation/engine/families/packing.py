"""Many runs in one forward pass: rows in, guided predictions out."""

from collections.abc import Sequence

import torch
from torch import Tensor

from generation.engine.run import Run


class Rows:
    """The rows of one forward pass over several runs.

    The unconditional rows of the runs that use guidance come first, then one conditional row for
    every picture. Guided runs are put before the others, so that both halves of the guidance are
    slices and one operation serves all runs.
    """

    def __init__(self, runs: Sequence[Run], *, device: torch.device, dtype: torch.dtype) -> None:
        self._runs = sorted(runs, key=lambda run: run.request.passes, reverse=True)
        self._pictures = [run for run in self._runs for _ in range(run.request.num_images)]
        self._guided = sum(run.request.passes == 2 for run in self._pictures)
        self._device = device
        self._dtype = dtype

    def latents(self) -> Tensor:
        """Return the model's input, (rows, channels, height, width)."""
        latents = torch.cat([run.model_input() for run in self._runs])
        return torch.cat([latents[: self._guided], latents]).to(self._dtype)

    def timesteps(self) -> Tensor:
        """Return one timestep a row, in float32: some noise schedulers' timesteps are fractions."""
        timesteps = [run.timestep for run in self._pictures]
        return self._tensor(timesteps[: self._guided] + timesteps)

    def conditioning(self, name: str) -> Tensor:
        """Return this argument of the model: each run's own, repeated for its pictures."""
        conditionings = [run.conditioning for run in self._pictures]
        negative = [one.negative[name] for one in conditionings if one.negative is not None]
        return torch.cat(negative + [one.positive[name] for one in conditionings])

    def guide(self, output: Tensor) -> dict[Run, Tensor]:
        """Return each run's prediction from the model's output.

        With guidance it is unconditional + scale * (conditional - unconditional).
        """
        unconditional = output[: self._guided].float()
        predictions = output[self._guided :].float()
        scale = self._tensor([run.request.guidance_scale for run in self._pictures[: self._guided]])
        guided = unconditional + scale.view(-1, 1, 1, 1) * (
            predictions[: self._guided] - unconditional
        )
        predictions = torch.cat([guided, predictions[self._guided :]])
        counts = [run.request.num_images for run in self._runs]
        return dict(zip(self._runs, torch.split(predictions, counts), strict=True))

    def _tensor(self, values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self._device)
