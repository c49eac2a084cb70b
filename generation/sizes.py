"""Shapes of pictures, and how many pixels of a checkpoint they are."""

from collections.abc import Mapping
from math import sqrt

from generation.engine.catalogue import Checkpoint

# Width to height; the area is the checkpoint's native one.
ASPECTS: Mapping[str, tuple[int, int]] = {"square": (1, 1), "portrait": (2, 3), "landscape": (3, 2)}
CUSTOM = "custom"
# Of the picture that is worked on.
AS_PICTURE = "picture"


def size_for(checkpoint: Checkpoint, *, shape: str) -> tuple[int, int]:
    """Width and height, in pixels, that the checkpoint can draw in about its native area."""
    return size_of(checkpoint, *ASPECTS[shape])


def size_of(checkpoint: Checkpoint, across: float, down: float) -> tuple[int, int]:
    """The same for any ratio of the sides: as near to it as the checkpoint's steps in size allow."""
    side = checkpoint.native_size * sqrt(across / down)
    return _fit(side, checkpoint), _fit(side * down / across, checkpoint)


def shape_of(checkpoint: Checkpoint, size: tuple[int, int]) -> str:
    """The shape whose size for this checkpoint it is, or CUSTOM."""
    shapes = (shape for shape in ASPECTS if size_for(checkpoint, shape=shape) == size)
    return next(shapes, CUSTOM)


def extended(
    checkpoint: Checkpoint, picture: tuple[int, int], padding: tuple[int, int, int, int]
) -> tuple[int, int, tuple[int, int, int, int]]:
    """Width, height and padding (left, top, right, bottom) of a picture with room around it.

    Padding comes in the picture's own pixels. The whole is made as large as the checkpoint draws best,
    and the room at the far sides takes what its steps in size leave over.
    """
    left, top, right, bottom = padding
    across, down = picture[0] + left + right, picture[1] + top + bottom
    width, height = size_of(checkpoint, across, down)
    scale = min(width / across, height / down)
    near = round(left * scale), round(top * scale)
    inner = round(picture[0] * scale), round(picture[1] * scale)
    far = width - near[0] - inner[0], height - near[1] - inner[1]
    return width, height, (*near, *far)


def _fit(side: float, checkpoint: Checkpoint) -> int:
    rounded = round(side / checkpoint.multiple) * checkpoint.multiple
    return min(max(rounded, checkpoint.min_size), checkpoint.max_size)
