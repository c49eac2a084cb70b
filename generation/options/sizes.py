"""Shapes of pictures, and how many pixels of a checkpoint they are."""

from collections.abc import Mapping
from math import sqrt

from generation.engine.checkpoints.catalogue import Checkpoint

Size = tuple[int, int]

# Width to height; the area is the checkpoint's native one.
ASPECTS: Mapping[str, tuple[int, int]] = {"square": (1, 1), "portrait": (2, 3), "landscape": (3, 2)}
CUSTOM = "custom"
# Of the picture that is worked on.
AS_PICTURE = "picture"


def size_for(checkpoint: Checkpoint, *, shape: str) -> Size:
    """Width and height, in pixels, that the checkpoint can draw in about its native area."""
    return size_of(checkpoint, *ASPECTS[shape])


def size_of(checkpoint: Checkpoint, across: float, down: float) -> Size:
    """The same for any ratio of the sides: as near to it as the checkpoint's steps in size allow."""
    side = checkpoint.native_size * sqrt(across / down)
    return _fit(side, checkpoint), _fit(side * down / across, checkpoint)


def shape_of(checkpoint: Checkpoint, size: Size) -> str:
    """The shape whose size for this checkpoint it is, or CUSTOM."""
    shapes = (shape for shape in ASPECTS if size_for(checkpoint, shape=shape) == size)
    return next(shapes, CUSTOM)


def extended(
    checkpoint: Checkpoint,
    picture: Size,
    padding: tuple[int, int, int, int],
    *,
    max_pixels: int | None = None,
) -> tuple[int, int, tuple[int, int, int, int]]:
    """Width, height and padding (left, top, right, bottom) of a picture with room around it.

    Padding comes in the picture's own pixels, which stay as they are where the checkpoint, and
    `max_pixels`, allow so large a whole. Else, and where it would be smaller than the checkpoint draws
    best, the whole is scaled to that. What its steps in size leave over is added to the far sides.
    """
    left, top, right, bottom = padding
    across, down = picture[0] + left + right, picture[1] + top + bottom
    width, height = _unscaled(checkpoint, (across, down))
    scale = 1.0
    if not _is_drawable(checkpoint, (width, height), max_pixels):
        width, height = size_of(checkpoint, across, down)
        scale = min(width / across, height / down)
    near = round(left * scale), round(top * scale)
    inner = round(picture[0] * scale), round(picture[1] * scale)
    far = width - near[0] - inner[0], height - near[1] - inner[1]
    return width, height, (*near, *far)


def room_of(
    size: Size, padding: tuple[int, int, int, int], picture: Size
) -> tuple[int, int, int, int]:
    """The padding of a whole of this size, in the pixels that the picture in it has of its own."""
    left, top, right, bottom = padding
    inner = size[0] - left - right, size[1] - top - bottom
    across, down = picture[0] / inner[0], picture[1] / inner[1]
    return round(left * across), round(top * down), round(right * across), round(bottom * down)


def _unscaled(checkpoint: Checkpoint, size: Size) -> Size:
    """As large, or larger by what the checkpoint's steps in size need."""
    across, down = (-(-side // checkpoint.multiple) * checkpoint.multiple for side in size)
    return across, down


def _is_drawable(checkpoint: Checkpoint, size: Size, max_pixels: int | None) -> bool:
    """Whether the checkpoint, and a plan, draw it, and draw it no worse for being small."""
    pixels = size[0] * size[1]
    sides_fit = checkpoint.min_size <= min(size) and max(size) <= checkpoint.max_size
    return sides_fit and checkpoint.native_size**2 <= pixels <= (max_pixels or pixels)


def _fit(side: float, checkpoint: Checkpoint) -> int:
    rounded = round(side / checkpoint.multiple) * checkpoint.multiple
    return min(max(rounded, checkpoint.min_size), checkpoint.max_size)
