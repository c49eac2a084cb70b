"""Previews: what a run is becoming, at next to no cost.

A latent cell's colour is close to a linear function of its channels.
"""

from typing import TYPE_CHECKING, Self

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

if TYPE_CHECKING:
    from generation.engine.families import Pipeline

MIN_SIDE = 128
MAX_SIDE = 256

_SAMPLES = 4
_SAMPLE_SIDE = 8


class Projection:
    """Latents to colours: one matrix (channels + 1, 3), fitted to a checkpoint's own VAE."""

    def __init__(self, matrix: Tensor) -> None:
        self._matrix = matrix

    @classmethod
    @torch.inference_mode()
    def fit(cls, pipeline: "Pipeline") -> Self:
        """Decode a few smooth random latents and solve for the matrix by least squares."""
        generator = torch.Generator().manual_seed(0)
        coarse = torch.randn(
            (_SAMPLES, pipeline.latent_channels, _SAMPLE_SIDE // 2, _SAMPLE_SIDE // 2),
            generator=generator,
        )
        latents = interpolate(coarse, scale_factor=2, mode="bilinear").to(pipeline.device)
        colours = avg_pool2d(pipeline.decode(latents), pipeline.vae_scale_factor)
        cells = _with_one(latents).movedim(1, -1).flatten(0, 2)
        solution = torch.linalg.lstsq(
            cells.cpu(), colours.movedim(1, -1).flatten(0, 2).cpu()
        ).solution
        return cls(solution.to(pipeline.device))

    def __call__(self, latents: Tensor) -> list[Image.Image | None]:
        """Return a picture for each of the latents (n, channels, ...); None if not finite."""
        colours = torch.einsum("nchw,ck->nkhw", _with_one(latents), self._matrix)
        longer = max(latents.shape[-2:])
        scale = _side(longer) / longer
        size = [round(side * scale) for side in latents.shape[-2:]]
        return to_images(interpolate(colours, size=size, mode="bilinear"))


def to_images(pixels: Tensor) -> list[Image.Image | None]:
    """Return pictures from pixels (n, 3, height, width), 0 to 1; None where one is not finite.

    All are copied to the host at once.
    """
    finite = torch.isfinite(pixels).flatten(1).all(1)
    bytes_ = (pixels.nan_to_num().clamp(0, 1) * 255).round().to(torch.uint8)
    array = torch.cat([bytes_.flatten(1), finite[:, None].to(torch.uint8)], dim=1).cpu()
    height, width = pixels.shape[-2:]
    return [_to_image(row[:-1].view(3, height, width)) if row[-1] else None for row in array]


def _to_image(channels: Tensor) -> Image.Image:
    return Image.fromarray(channels.movedim(0, -1).contiguous().numpy())


def _side(cells: int) -> int:
    """Return the longer side of the preview in pixels: four a cell, within limits."""
    return min(max(cells * 4, MIN_SIDE), MAX_SIDE)


def _with_one(latents: Tensor) -> Tensor:
    """Append a channel of ones, which the matrix's last row multiplies."""
    return pad(latents.float(), (0, 0, 0, 0, 0, 1), value=1.0)
