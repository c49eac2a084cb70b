"""Inputs for inpainting and outpainting, and the original composited around the result."""

from collections.abc import Mapping

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageChops, ImageFilter
from PIL.Image import Image

from generation.engine.enums import Mode
from generation.engine.request import GenerationRequest

# The denoiser repaints mask values from this one on.
_HALF = 128
# Width of the feathered edge inside the mask, as a share of the shorter side.
_FEATHER = 1 / 64
# Width of the original's border that outpainting repaints to hide the seam, likewise.
_OVERLAP = 1 / 32


def prepared(request: GenerationRequest, inputs: Mapping[str, Image]) -> tuple[Image, Image]:
    """Return the image to paint on and its mask (white is repainted), at the request's size."""
    size = (request.width, request.height)
    if request.mode is Mode.OUTPAINT:
        return _extended(request, inputs["image"])
    picture = inputs["image"].convert("RGB").resize(size, PillowImage.Resampling.LANCZOS)
    return picture, inputs["mask"].convert("L").resize(size, PillowImage.Resampling.BILINEAR)


def put_back(painted: Image, request: GenerationRequest, inputs: Mapping[str, Image]) -> Image:
    """Return the painted image with the original's pixels outside the mask."""
    original, mask = prepared(request, inputs)
    return PillowImage.composite(painted, original, _feathered(mask))


def _feathered(mask: Image) -> Image:
    """Feather the mask's edge inwards; values below half become 0.

    A soft edge keeps its own width; a hard one gets a narrow feather.
    """
    binary = mask.point([255 * (level >= _HALF) for level in range(256)])
    soft = mask.point([max(2 * level - 255, 0) for level in range(256)])
    radius = max(1, round(min(mask.size) * _FEATHER))
    inner = binary.filter(ImageFilter.MinFilter(2 * (radius // 2) + 1))
    hard = ImageChops.darker(binary, inner.filter(ImageFilter.GaussianBlur(radius / 2)))
    return ImageChops.darker(hard, soft)


def _extended(request: GenerationRequest, picture: Image) -> tuple[Image, Image]:
    """Return the image with its edge pixels repeated over the padding, and the mask of the padding."""
    left, top, right, bottom = request.padding
    inner = (request.width - left - right, request.height - top - bottom)
    placed = picture.convert("RGB").resize(inner, PillowImage.Resampling.LANCZOS)
    edges = ((top, bottom), (left, right), (0, 0))
    extended = PillowImage.fromarray(np.pad(np.asarray(placed), edges, mode="edge"))
    mask = PillowImage.new("L", extended.size, 255)
    overlap = round(min(inner) * _OVERLAP)
    box = (
        left + overlap * (left > 0),
        top + overlap * (top > 0),
        request.width - right - overlap * (right > 0),
        request.height - bottom - overlap * (bottom > 0),
    )
    mask.paste(0, box)
    return extended, mask
