"""AVIF and HEIC: files of boxes, which their decoders read. Only EXIF data is taken from them beforehand."""

import re

from generation.images.parts.parts import Parts, UnknownFormat

_AVIF = (b"avif", b"avis")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
# An entry of the list of items, of version 2: its flags, number and protection, then its kind.
_EXIF_ITEM = re.compile(rb"(infe\x02.{3}.{4})Exif", re.DOTALL)


def is_like(content: bytes) -> bool:
    return content[4:8] == b"ftyp"


def read(content: bytes) -> Parts:
    """Return the file's parts; its profile is the decoder's to find. Raises UnknownFormat.

    Boxes of their own say how these pictures are turned, and EXIF's orientation does not count. Renamed, its data
    cannot break a decoder.
    """
    return Parts(format=_format(content), kept=[_EXIF_ITEM.sub(rb"\1skip", content)])


def _format(content: bytes) -> str:
    length = min(int.from_bytes(content[:4], "big"), 256)
    brands = [content[8:12], *(content[at : at + 4] for at in range(16, length, 4))]
    if any(brand in _AVIF for brand in brands):
        return "AVIF"
    if any(brand in _HEIC for brand in brands):
        return "HEIF"
    raise UnknownFormat
