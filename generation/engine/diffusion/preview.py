"""Previews: intermediate images from latents, at next to no cost.

A VAE's decoder is close to a linear function of a latent cell and its neighbors.
"""

from typing import Protocol, Self

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad, pixel_shuffle, unfold

MIN_SIDE = 128
MAX_SIDE = 256

# A cell becomes _PATCH by _PATCH pixels, by way of its _KERNEL by _KERNEL neighborhood.
_PATCH = 4
_KERNEL = 3
_SAMPLES = 4
_SAMPLE_CELLS = 16
# Regularization of the ridge regression, as a share of the number of samples.
_RIDGE = 1e-3


class ImageCodec(Protocol):
    """The part of a pipeline that converts between images and latents."""

    vae_scale_factor: int

    def encode_images(self, pixels: Tensor) -> Tensor:
        """Return the latents of pixels (n, 3, height, width), 0 to 1."""

    def decode(self, latents: Tensor) -> Tensor:
        """Return pixels (n, 3, height, width), about 0 to 1, of finished latents."""


class Projection:
    """Latents to colors: one convolution, fitted to a checkpoint's own VAE.

    `weight` is (3 * _PATCH ** 2, channels, _KERNEL, _KERNEL), `bias` (3 * _PATCH ** 2).
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight = weight
        self._bias = bias

    @classmethod
    @torch.inference_mode()
    def fit(cls, codec: ImageCodec) -> Self:
        """Encode and decode some colored samples and solve for the weights by ridge regression."""
        latents = codec.encode_images(_samples(_SAMPLE_CELLS * codec.vae_scale_factor))
        decoded = codec.decode(latents)
        neighborhoods = unfold(_padded(latents.float()), _KERNEL)
        inputs = pad(neighborhoods, (0, 0, 0, 1), value=1.0).movedim(1, -1).flatten(0, 1).cpu()
        small = interpolate(decoded.float(), size=_SAMPLE_CELLS * _PATCH, mode="area")
        outputs = unfold(small, _PATCH, stride=_PATCH).movedim(1, -1).flatten(0, 1).cpu()
        ridge = _RIDGE * len(inputs) * torch.eye(inputs.shape[1])
        solution = torch.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ outputs)
        weight = solution[:-1].T.unflatten(1, (latents.shape[1], _KERNEL, _KERNEL))
        return cls(weight.contiguous().to(latents.device), solution[-1].to(latents.device))

    def __call__(self, latents: Tensor) -> list[Image.Image | None]:
        """Return one image for each of the latents (n, channels, ...); None if not finite."""
        patches = conv2d(_padded(latents.float()), self._weight, self._bias)
        colors = pixel_shuffle(patches, _PATCH)
        longer = max(colors.shape[-2:])
        scale = min(max(longer, MIN_SIDE), MAX_SIDE) / longer
        size = [round(side * scale) for side in colors.shape[-2:]]
        return to_images(interpolate(colors, size=size, mode="bilinear", antialias=True))


def to_images(pixels: Tensor) -> list[Image.Image | None]:
    """Return images from pixels (n, 3, height, width), 0 to 1; None for one that is not finite.

    All are copied to the host at once.
    """
    finite = torch.isfinite(pixels).flatten(1).all(1)
    bytes_ = (pixels.nan_to_num().clamp(0, 1) * 255).round().to(torch.uint8)
    array = torch.cat([bytes_.flatten(1), finite[:, None].to(torch.uint8)], dim=1).cpu()
    height, width = pixels.shape[-2:]
    return [_to_image(row[:-1].view(3, height, width)) if row[-1] else None for row in array]


def _to_image(channels: Tensor) -> Image.Image:
    return Image.fromarray(channels.movedim(0, -1).contiguous().numpy())


def _padded(latents: Tensor) -> Tensor:
    return pad(latents, (_KERNEL // 2,) * 4, mode="replicate")


def _samples(side: int) -> Tensor:
    """Return pixels (_SAMPLES, 3, side, side), 0 to 1: smooth colors beside hard edges."""
    generator = torch.Generator().manual_seed(0)

    def random(channels: int, cells: int) -> Tensor:
        return torch.rand(_SAMPLES, channels, cells, cells, generator=generator)

    smooth = interpolate(random(3, 4), size=side, mode="bilinear")
    blocks = interpolate(random(3, 9), size=side, mode="nearest")
    mask = interpolate(random(1, 7).round(), size=side, mode="nearest")
    return smooth * mask + blocks * (1 - mask)
