"""Noise between that of two seeds."""

import torch
from torch import Tensor

# Of the mean cosine: beyond it, the angle is too small to divide by its sine.
_SAME_DIRECTION = 0.9995
# AUTOMATIC1111 mixes each column of each channel by itself, and so the same subseeds give the same images.
_ROWS = 2


def between(noise: Tensor, other: Tensor, *, share: float) -> Tensor:
    """Return noise (n, channels, height, width) on the arc from `noise` (a share of 0) to `other` (1).

    Spherical interpolation keeps the deviation that the denoiser expects, which a straight line would lower.
    """
    cosine = torch.cosine_similarity(noise, other, dim=_ROWS).unsqueeze(_ROWS)
    if cosine.mean() > _SAME_DIRECTION:
        return noise * share + other * (1 - share)
    angle = torch.acos(cosine)
    start, end = (torch.sin(part * angle) / torch.sin(angle) for part in (1.0 - share, share))
    return start * noise + end * other
