"""Conditioning: the outputs of the text encoders for one prompt and its negative prompt, step by step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Conditioning:
    """Outputs of the text encoders, by the name of the denoiser's argument.

    Each tensor has one row, which all images of a run share. `negative` is None without guidance.
    """

    positive: Mapping[str, Tensor]
    negative: Mapping[str, Tensor] | None

    def is_finite(self) -> Tensor:
        """Return a boolean scalar on the device; reading it waits for the text encoders."""
        tensors = [*self.positive.values(), *(self.negative or {}).values()]
        return torch.stack([tensor.isfinite().all() for tensor in tensors]).all()


@dataclass(frozen=True, kw_only=True)
class Prompting:
    """The different conditionings of a run, and the index of the one that each denoising step takes.

    The last index counts for all later steps.
    """

    versions: Sequence[Conditioning]
    by_step: Sequence[int] = (0,)

    @classmethod
    def constant(cls, conditioning: Conditioning) -> "Prompting":
        """Return the prompting of a prompt that does not change."""
        return cls(versions=[conditioning])

    def at(self, step: int) -> Conditioning:
        """Return the conditioning of a denoising step, counted from 0."""
        return self.versions[self.by_step[min(step, len(self.by_step) - 1)]]

    def is_finite(self) -> Tensor:
        """Return a boolean scalar on the device; reading it waits for the text encoders."""
        return torch.stack([each.is_finite() for each in self.versions]).all()
