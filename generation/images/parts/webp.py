"""WebP: the chunks of a RIFF file."""

import struct
from collections.abc import Iterator

from generation.images.parts.bounds import MAX_CHUNKS, MAX_PROFILE
from generation.images.parts.parts import Damaged, Parts, merged

_HEADER = struct.Struct("<4sI4s")
_PIXELS = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF")
# The flags of VP8X that announce a profile, EXIF data and an XMP packet.
_ANNOUNCED = 0x20 | 0x08 | 0x04


def is_like(content: bytes) -> bool:
    return content.startswith(b"RIFF")


def read(content: bytes) -> Parts:
    """Return the file's parts. Raises Damaged."""
    if content[8:12] != b"WEBP":
        raise Damaged
    view = memoryview(content)
    kept: list[bytes | memoryview] = []
    others: dict[bytes, bytes] = {}
    for kind, start, end in _chunks(content):
        if kind == b"VP8X":
            flags = content[start + 8 : start + 9]
            kept += [view[start : start + 8], _unannounced(flags), view[start + 9 : end]]
        elif kind in _PIXELS:
            kept.append(view[start:end])
        else:
            others.setdefault(kind, content[start + 8 : end])
    size = 4 + sum(map(len, kept))
    exif = others.get(b"EXIF", b"")
    return Parts(
        format="WEBP",
        kept=[_HEADER.pack(b"RIFF", size, b"WEBP"), *kept],
        profile=others.get(b"ICCP", b"")[:MAX_PROFILE],
        exif=exif,
        xmp=others.get(b"XMP ", b"").decode(errors="replace"),
        texts=merged({}, exif),
    )


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of each chunk with its header, and with the byte that makes its length even."""
    place = _HEADER.size
    for _ in range(MAX_CHUNKS):
        if place + 8 > len(content):
            return
        kind, length = struct.unpack_from("<4sI", content, place)
        end = place + 8 + length + length % 2
        yield kind, place, min(end, len(content))
        place = end
    raise Damaged


def _unannounced(flags: bytes) -> bytes:
    return bytes(flag & ~_ANNOUNCED for flag in flags)
