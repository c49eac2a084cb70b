"""Layout of the tiles of a large image. Loads no torch: quotes count tiles, too."""

# In latent cells of 4 pixels: the upscaler was trained on results of 512 pixels a side.
SIDE = 128
OVERLAP = 32


def starts(length: int, *, side: int = SIDE, overlap: int = OVERLAP) -> list[int]:
    """Return the offsets of tiles along one side, evenly spread.

    All lengths are in latent cells; neighbors share at least `overlap` cells.
    """
    if length <= side:
        return [0]
    count = -(-(length - overlap) // (side - overlap))
    return [round(index * (length - side) / (count - 1)) for index in range(count)]


def tiles_of(width: int, height: int) -> int:
    """Return the number of tiles of an image of this size in latent cells."""
    return len(starts(width)) * len(starts(height))
