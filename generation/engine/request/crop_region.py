"""The part of an image around its mask that is painted alone."""

from PIL.Image import Image

Box = tuple[int, int, int, int]


def crop_region(mask: Image, *, aspect: float, padding: int) -> Box | None:
    """Return the box of the mask with its padding, widened to the aspect ratio as far as the image reaches.

    It is the one of diffusers' `padding_mask_crop`. None if the mask is empty.
    """
    found = mask.convert("L").getbbox()
    if found is None:
        return None
    left, right = max(found[0] - padding, 0), min(found[2] + padding, mask.width)
    top, bottom = max(found[1] - padding, 0), min(found[3] + padding, mask.height)
    across, down = right - left, bottom - top
    if across / down > aspect:
        top, bottom = _grown(top, bottom, by=int(across / aspect - down), limit=mask.height)
    else:
        left, right = _grown(left, right, by=int(down * aspect - across), limit=mask.width)
    return left, top, right, bottom


def shortened(box: Box, *, width: int, height: int) -> Box:
    """Return the middle of a box so long that, fitted into this size, it would be less than a pixel thin.

    Only images with so thin a side have such boxes. Other boxes stay as they are.
    """
    left, top, right, bottom = box
    left, right = _middle(left, right, longest=(bottom - top) * width)
    top, bottom = _middle(top, bottom, longest=(right - left) * height)
    return left, top, right, bottom


def _middle(start: int, end: int, *, longest: int) -> tuple[int, int]:
    start += max(end - start - longest, 0) // 2
    return start, min(end, start + longest)


def _grown(start: int, end: int, *, by: int, limit: int) -> tuple[int, int]:
    """Return the range grown on both sides, and shifted to stay within 0 and the limit."""
    start, end = start - by // 2, end + by - by // 2
    beyond = max(end - limit, 0)
    start, end = start - beyond, end - beyond
    return max(start, 0), min(end - min(start, 0), limit)
