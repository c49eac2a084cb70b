"""Row packing: many runs in one forward pass, with or without classifier-free guidance."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from generation.engine.diffusion.conditioning import Conditioning
from generation.engine.diffusion.cuda_graphs import Arguments, Model
from generation.engine.diffusion.families import guidance_embedding
from generation.engine.diffusion.run import Run


class Rows:
    """The rows of one forward pass over several runs.

    The unconditional rows of guided runs come first, then one conditional row for every input. Guided
    runs precede the others, so that both halves of the guidance are slices and one operation serves
    all runs.
    """

    def __init__(self, runs: Sequence[Run], *, device: torch.device, dtype: torch.dtype) -> None:
        self._order = list(runs)
        self._runs = sorted(runs, key=lambda run: run.request.passes, reverse=True)
        self._inputs = [run for run in self._runs for _ in range(run.num_inputs)]
        self._guided = sum(run.request.passes == 2 for run in self._inputs)
        self._device = device
        self._dtype = dtype

    def latents(self) -> Tensor:
        """Return the model's input, (rows, channels, height, width)."""
        latents = torch.cat([run.model_input() for run in self._runs])
        return torch.cat([latents[: self._guided], latents]).to(self._dtype)

    def timesteps(self) -> Tensor:
        """Return one timestep a row, in float32: some noise schedulers have fractional timesteps."""
        timesteps = [run.timestep for run in self._inputs]
        return self._tensor(timesteps[: self._guided] + timesteps)

    def conditioning(self, name: str) -> Tensor | None:
        """Return this argument with one row an input, (rows, ...); None if the model takes none."""
        if name not in self._inputs[0].conditioning.positive:
            return None
        return torch.cat(self._conditionings(name))

    def sequences(self, name: str) -> tuple[Tensor, Tensor | None]:
        """Return this argument, padded to its longest sequence, and the attention mask.

        Shapes (rows, tokens, width) and, only if some row is padded, (rows, tokens) of booleans.
        """
        sequences = self._conditionings(name)
        lengths = torch.tensor([sequence.shape[1] for sequence in sequences])
        longest = int(lengths.max())
        padded = [pad(sequence, (0, 0, 0, longest - sequence.shape[1])) for sequence in sequences]
        if bool((lengths == longest).all()):
            return torch.cat(padded), None
        counts = torch.arange(longest)[None, :] < lengths[:, None]
        return torch.cat(padded), to_device(counts, self._device)

    def guidance_embeddings(self, *, width: int | None) -> Tensor | None:
        """Return one embedded guidance scale a row, (rows, width); None if the model reads none."""
        if width is None:
            return None
        scales = [run.request.guidance_scale for run in self._inputs]
        embedded = guidance_embedding.embed(scales[: self._guided] + scales, width=width)
        return to_device(embedded.to(self._dtype), self._device)

    def guide(self, output: Tensor) -> list[Tensor]:
        """Return each run's prediction from the model's output, in the order of the runs.

        Classifier-free guidance (arXiv 2207.12598): unconditional + scale * (conditional - unconditional).
        """
        unconditional = output[: self._guided].float()
        predictions = output[self._guided :].float()
        scale = self._tensor([run.request.guidance_scale for run in self._inputs[: self._guided]])
        guided = unconditional + scale.view(-1, 1, 1, 1) * (
            predictions[: self._guided] - unconditional
        )
        predictions = torch.cat([guided, predictions[self._guided :]])
        counts = [run.num_inputs for run in self._runs]
        by_run = dict(zip(self._runs, torch.split(predictions, counts), strict=True))
        return [by_run[run] for run in self._order]

    def _conditionings(self, name: str) -> list[Tensor]:
        conditionings: list[Conditioning] = [run.conditioning for run in self._inputs]
        negative = [one.negative[name] for one in conditionings if one.negative is not None]
        return negative + [one.positive[name] for one in conditionings]

    def _tensor(self, values: list[float]) -> Tensor:
        return to_device(torch.tensor(values, dtype=torch.float32), self._device)


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a host tensor to the device without waiting for the device's queued work."""
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def without_none(arguments: Mapping[str, Tensor | None]) -> Arguments:
    """Return the arguments that are not None."""
    return {name: value for name, value in arguments.items() if value is not None}


def in_chunks(model: Model, arguments: Arguments, *, rows: int) -> Tensor:
    """Call the model on at most `rows` rows at a time and concatenate its outputs.

    The tiles or drafts of one run alone may be more rows than fit into the memory.
    """
    count = len(next(iter(arguments.values())))
    parts = [
        model({name: argument[start : start + rows] for name, argument in arguments.items()})
        for start in range(0, count, rows)
    ]
    return torch.cat(parts) if len(parts) > 1 else parts[0]
