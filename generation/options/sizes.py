"""Image sizes: shapes, aspect ratios and padding in pixels of a checkpoint."""

from collections.abc import Mapping
from math import sqrt

from generation.engine.checkpoints.catalogue import Checkpoint

Size = tuple[int, int]

# Width to height; the area is the checkpoint's native one.
ASPECTS: Mapping[str, tuple[int, int]] = {"square": (1, 1), "portrait": (2, 3), "landscape": (3, 2)}
CUSTOM = "custom"
# The input image's own aspect ratio.
AS_PICTURE = "picture"


def size_for(checkpoint: Checkpoint, *, shape: str) -> Size:
    """Width and height in pixels for a named shape, in about the checkpoint's native area."""
    return size_of(checkpoint, *ASPECTS[shape])


def size_of(checkpoint: Checkpoint, across: float, down: float) -> Size:
    """Width and height in pixels for any aspect ratio, rounded to the checkpoint's `shape_multiple`."""
    return _in_native_area(checkpoint, across / down, multiple=checkpoint.shape_multiple)


def size_like(checkpoint: Checkpoint, picture: Size) -> Size:
    """Width and height in about the native area, as near the picture's aspect ratio as can be."""
    return _in_native_area(checkpoint, picture[0] / picture[1], multiple=checkpoint.multiple)


def shape_of(checkpoint: Checkpoint, size: Size) -> str:
    """Name of the shape with this size, or CUSTOM."""
    shapes = (shape for shape in ASPECTS if size_for(checkpoint, shape=shape) == size)
    return next(shapes, CUSTOM)


def extended(
    checkpoint: Checkpoint,
    picture: Size,
    padding: tuple[int, int, int, int],
    *,
    max_pixels: int | None = None,
) -> tuple[int, int, tuple[int, int, int, int]]:
    """Width, height and padding (left, top, right, bottom) of an outpainted image.

    `padding` is in pixels of `picture`. The picture keeps its scale if the checkpoint and `max_pixels`
    allow the whole. Otherwise, or if the whole is below the native area, all of it is scaled to the
    native area. Rounding to `multiple` enlarges the right and bottom padding.
    """
    left, top, right, bottom = padding
    across, down = picture[0] + left + right, picture[1] + top + bottom
    width, height = _unscaled(checkpoint, (across, down))
    scale = 1.0
    if not _is_drawable(checkpoint, (width, height), max_pixels):
        width, height = size_like(checkpoint, (across, down))
        scale = min(width / across, height / down)
    near = round(left * scale), round(top * scale)
    inner = round(picture[0] * scale), round(picture[1] * scale)
    far = width - near[0] - inner[0], height - near[1] - inner[1]
    return width, height, (*near, *far)


def room_of(
    size: Size, padding: tuple[int, int, int, int], picture: Size
) -> tuple[int, int, int, int]:
    """The inverse of `extended`: padding in pixels of the original `picture`."""
    left, top, right, bottom = padding
    inner = size[0] - left - right, size[1] - top - bottom
    across, down = picture[0] / inner[0], picture[1] / inner[1]
    return round(left * across), round(top * down), round(right * across), round(bottom * down)


def _unscaled(checkpoint: Checkpoint, size: Size) -> Size:
    """Both sides rounded up to the checkpoint's `multiple`."""
    across, down = (-(-side // checkpoint.multiple) * checkpoint.multiple for side in size)
    return across, down


def _is_drawable(checkpoint: Checkpoint, size: Size, max_pixels: int | None) -> bool:
    """True if the size is within the checkpoint's and the plan's limits, and at least native."""
    pixels = size[0] * size[1]
    sides_fit = checkpoint.min_size <= min(size) and max(size) <= checkpoint.max_size
    return sides_fit and checkpoint.native_size**2 <= pixels <= (max_pixels or pixels)


def _in_native_area(checkpoint: Checkpoint, ratio: float, *, multiple: int) -> Size:
    """Width and height of this ratio, each a multiple within the checkpoint's limits."""
    side = checkpoint.native_size * sqrt(ratio)
    width = checkpoint.nearest_side(side, multiple=multiple)
    return width, checkpoint.nearest_side(side / ratio, multiple=multiple)
