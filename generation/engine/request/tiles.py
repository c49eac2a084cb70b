"""Where the tiles of a large picture lie. Needs no torch: a quote counts them, too."""

# The upscaler was trained on 512 pixels a side of its result; in latent cells of 4 pixels each.
SIDE = 128
OVERLAP = 32


def starts(length: int, *, side: int = SIDE, overlap: int = OVERLAP) -> list[int]:
    """Return where tiles begin along one side, evenly spread from one end to the other.

    All in latent cells; neighbours share `overlap` cells at least.
    """
    if length <= side:
        return [0]
    count = -(-(length - overlap) // (side - overlap))
    return [round(index * (length - side) / (count - 1)) for index in range(count)]


def tiles_of(width: int, height: int) -> int:
    """Return how many tiles a picture of so many latent cells is cut into."""
    return len(starts(width)) * len(starts(height))
