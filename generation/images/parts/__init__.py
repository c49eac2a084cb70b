"""Parts of an image file: its pixels' bytes, and the metadata beside them.

Reads PNG, JPEG, WebP, AVIF and HEIC in bounded memory, and decodes no pixels. Imports neither Django nor torch.
"""

from collections.abc import Callable, Sequence

from generation.images.parts import bmff, exif, jpeg, png, webp
from generation.images.parts.parts import Damaged, Parts, UnknownFormat

__all__ = ["Damaged", "Parts", "UnknownFormat", "exif", "of"]


def of(content: bytes) -> Parts:
    """Return the parts of an image file, recognized by content. Raises UnknownFormat or Damaged."""
    for is_like, read in _FORMATS:
        if is_like(content):
            return read(content)
    raise UnknownFormat


_FORMATS: Sequence[tuple[Callable[[bytes], bool], Callable[[bytes], Parts]]] = (
    (png.is_like, png.read),
    (jpeg.is_like, jpeg.read),
    (webp.is_like, webp.read),
    (bmff.is_like, bmff.read),
)
