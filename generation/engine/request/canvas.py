"""Inputs for inpainting and outpainting, and the original composited around the result."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageChops, ImageFilter, ImageOps
from PIL.Image import Image

from generation.engine.enums import Mode
from generation.engine.request import GenerationRequest
from generation.engine.request.crop_region import Box, crop_region, shortened

# The denoiser repaints mask values from this one on.
_HALF = 128
# Width of the feathered edge inside the mask, as a share of the shorter side.
_FEATHER = 1 / 64
# Width of the original's border that outpainting repaints to hide the seam, likewise.
_OVERLAP = 1 / 32
_LANCZOS = PillowImage.Resampling.LANCZOS
_BILINEAR = PillowImage.Resampling.BILINEAR
# Radii and repetitions of the blurs that carry the surroundings' colors into a masked area, widest first.
_SPREADS = ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1))


@dataclass(frozen=True)
class Canvas:
    """The image to paint on and its mask (white is repainted), in their own sizes.

    `box`, in pixels of both, is the part that is painted; None for all of it.
    """

    picture: Image
    mask: Image
    box: Box | None = None


def opaque(picture: Image) -> Image:
    """Return the image as RGB: white shows where it is transparent."""
    if "A" not in picture.getbands():
        return picture.convert("RGB")
    below = PillowImage.new("RGBA", picture.size, "white")
    below.alpha_composite(picture.convert("RGBA"))
    return below.convert("RGB")


def levels(mask: Image) -> Image:
    """Return the mask without transparency; one with any is its alpha channel."""
    if "A" not in mask.getbands():
        return mask
    alpha = mask.getchannel("A")
    return mask.convert("RGB") if alpha.getextrema() == (255, 255) else alpha


def prepared(request: GenerationRequest, inputs: Mapping[str, Image]) -> Canvas:
    """Return the canvas of an inpainting or an outpainting."""
    if request.mode is Mode.OUTPAINT:
        return Canvas(*_extended(request, inputs["image"]))
    picture, mask = opaque(inputs["image"]), levels(inputs["mask"])
    if request.mask_blur:
        mask = mask.convert("L").filter(ImageFilter.GaussianBlur(request.mask_blur))
    if not request.only_masked:
        return Canvas(picture, mask)
    if mask.size != picture.size:
        mask = mask.resize(picture.size, _LANCZOS)
    aspect = request.width / request.height
    box = crop_region(mask, aspect=aspect, padding=request.mask_padding)
    if box is not None:
        box = shortened(box, width=request.width, height=request.height)
    return Canvas(picture, mask, box)


def filled(picture: Image, mask: Image) -> Image:
    """Return the picture with its surroundings' colors in the masked area, as AUTOMATIC1111's "fill"."""
    kept = PillowImage.new("RGBa", picture.size)
    kept.paste(picture.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask.convert("L")))
    below = PillowImage.new("RGBA", picture.size)
    for radius, repetitions in _SPREADS:
        spread = kept.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _repetition in range(repetitions):
            below.alpha_composite(spread)
    return below.convert("RGB")


def put_back(painted: Image, request: GenerationRequest, inputs: Mapping[str, Image]) -> Image:
    """Return the painted image with the original's pixels outside the mask.

    If only the masked part was painted, it has the original's size.
    """
    canvas = prepared(request, inputs)
    if request.only_masked:
        box = canvas.box or (0, 0, *canvas.picture.size)
        return _with_part(canvas, box, painted, request)
    original, mask = (each.resize(painted.size, _LANCZOS) for each in (canvas.picture, canvas.mask))
    mask = mask.convert("L")
    if request.mask_blur:
        # As AUTOMATIC1111: all of the repainted area shows, and the blur around it.
        visible = mask.point([min(2 * level, 255) for level in range(256)])
    else:
        visible = _feathered(mask)
    return PillowImage.composite(painted, original, visible)


def _with_part(canvas: Canvas, box: Box, painted: Image, request: GenerationRequest) -> Image:
    """Return the whole original with what was painted for the part in the box."""
    inside = canvas.mask.convert("L").crop(box)
    if not request.mask_blur:
        # Feathered at the painted size, because the original may be many times as large.
        feather = _feathered(inside.resize(painted.size, _BILINEAR)).resize(inside.size, _BILINEAR)
        inside = ImageChops.darker(feather, _binary(inside))
    part = ImageOps.fit(painted, inside.size, _LANCZOS)
    whole = canvas.picture.copy()
    whole.paste(part, box[:2], mask=inside)
    return whole


def _feathered(mask: Image) -> Image:
    """Feather the mask's edge inwards; values below half become 0.

    A soft edge keeps its own width; a hard one gets a narrow feather.
    """
    binary = _binary(mask)
    soft = mask.point([max(2 * level - 255, 0) for level in range(256)])
    radius = max(1, round(min(mask.size) * _FEATHER))
    inner = binary.filter(ImageFilter.MinFilter(2 * (radius // 2) + 1))
    hard = ImageChops.darker(binary, inner.filter(ImageFilter.GaussianBlur(radius / 2)))
    return ImageChops.darker(hard, soft)


def _binary(mask: Image) -> Image:
    return mask.point([255 * (level >= _HALF) for level in range(256)])


def _extended(request: GenerationRequest, picture: Image) -> tuple[Image, Image]:
    """Return the image with its edge pixels repeated over the padding, and the mask of the padding."""
    left, top, right, bottom = request.padding
    inner = (request.width - left - right, request.height - top - bottom)
    placed = opaque(picture).resize(inner, _LANCZOS)
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
