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
        guided = [run for run in runs if run.request.passes == 2]
        self._runs = guided + [run for run in runs if run.request.passes == 1]
        self._counts = [run.request.num_images for run in self._runs]
        self._guided = sum(run.request.num_images for run in guided)
        self._device = device
        self._dtype = dtype

    def latents(self) -> Tensor:
        """Return the model's input, (rows, channels, height, width)."""
        latents = torch.cat([run.model_input() for run in self._runs])
        return torch.cat([latents[: self._guided], latents]).to(self._dtype)

    def timesteps(self) -> Tensor:
        """Return one timestep a row, in float32: some noise schedulers' timesteps are fractions."""
        timesteps = [
            run.timestep
            for run, count in zip(self._runs, self._counts, strict=True)
            for _ in range(count)
        ]
        return torch.tensor(
            timesteps[: self._guided] + timesteps, dtype=torch.float32, device=self._device
        )

    def conditioning(self, name: str) -> Tensor:
        """Return this argument of the model: each run's own, repeated for its pictures."""
        counted = list(zip(self._runs, self._counts, strict=True))
        negative = [
            _expand(run.conditioning.negative[name], count)
            for run, count in counted
            if run.conditioning.negative is not None
        ]
        positive = [_expand(run.conditioning.positive[name], count) for run, count in counted]
        return torch.cat(negative + positive)

    def guide(self, output: Tensor) -> dict[Run, Tensor]:
        """Return each run's prediction from the model's output.

        With guidance it is unconditional + scale * (conditional - unconditional).
        """
        predictions = output[self._guided :].float()
        if self._guided:
            unconditional = output[: self._guided].float()
            conditional = predictions[: self._guided]
            scales = [
                run.request.guidance_scale
                for run, count in zip(self._runs, self._counts, strict=True)
                for _ in range(count)
            ]
            scale = torch.tensor(scales[: self._guided], dtype=torch.float32, device=self._device)
            guided = unconditional + scale.view(-1, 1, 1, 1) * (conditional - unconditional)
            predictions = torch.cat([guided, predictions[self._guided :]])
        return dict(zip(self._runs, torch.split(predictions, self._counts), strict=True))


def _expand(row: Tensor, count: int) -> Tensor:
    """Repeat a tensor of one row without copying it."""
    return row.expand(count, *row.shape[1:])
