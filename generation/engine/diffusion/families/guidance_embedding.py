"""Embedding of the guidance scale, for denoisers that were distilled with it."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def embed(scales: Sequence[float], *, width: int) -> Tensor:
    """Return (scales, width): sines and cosines of 1000 * (scale - 1), as for a timestep.

    From diffusers' `get_guidance_scale_embedding`, with the base's guidance as 0 (arXiv 2310.04378).
    """
    half = width // 2
    frequencies = torch.exp(torch.arange(half) * -(math.log(10_000.0) / (half - 1)))
    # Subtracted in double precision, as diffusers' pipelines do.
    angles = torch.tensor([scale - 1 for scale in scales])[:, None] * 1_000.0 * frequencies[None, :]
    embedded = torch.cat([angles.sin(), angles.cos()], dim=1)
    return torch.nn.functional.pad(embedded, (0, width % 2))
