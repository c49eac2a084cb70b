"""JPEG: segments, then scans. The first picture of a file that has several (MPO) is the one that is read."""

import re
from collections.abc import Iterator

from generation.images.parts.bounds import MAX_CHUNKS, MAX_PROFILE
from generation.images.parts.parts import Damaged, Parts, decoded, merged

START, END = b"\xff\xd8", b"\xff\xd9"
_SCAN, _COMMENT = 0xDA, 0xFE
# JFIF's and Adobe's say in which colors the pixels are. All other applications' segments are left out.
_APPLICATIONS = range(0xE0, 0xF0)
_COLORS = (0xE0, 0xEE)
_WITHOUT_BODY = (0x01, *range(0xD0, 0xD9))
# In pixels, FF stands before a zero, a restart marker or another FF.
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])", re.DOTALL)
_EXIF, _PROFILE = b"Exif\0\0", b"ICC_PROFILE\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"


def is_like(content: bytes) -> bool:
    return content.startswith(START + b"\xff")


def read(content: bytes) -> Parts:
    """Return the file's parts. Raises Damaged."""
    view = memoryview(content)
    kept: list[bytes | memoryview] = [START]
    profile: dict[int, bytes] = {}
    exif, xmp, comment, is_cut = b"", "", "", True
    for marker, start, end in _segments(content):
        body = bytes(view[start + 4 : end]) if marker in _APPLICATIONS else b""
        if marker == END[1]:
            is_cut = False
        elif marker == _COMMENT:
            comment = comment or decoded(content[start + 4 : end])
        elif marker not in _APPLICATIONS or marker in _COLORS:
            kept.append(view[start:end])
        elif body.startswith(_EXIF):
            exif = exif or body
        elif body.startswith(_XMP):
            xmp = xmp or body.removeprefix(_XMP).decode(errors="replace")
        elif body.startswith(_PROFILE):
            number = len(_PROFILE)
            profile.setdefault(body[number] if len(body) > number else 0, body[number + 2 :])
    joined = b"".join(profile[number] for number in sorted(profile))
    return Parts(
        format="JPEG",
        kept=[*kept, END],
        is_cut=is_cut,
        profile=joined[:MAX_PROFILE],
        exif=exif,
        xmp=xmp,
        texts=merged({}, exif, *filter(None, [comment])),
    )


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment; a scan's has its pixels, and is the last if they break off."""
    place = len(START)
    for _ in range(MAX_CHUNKS):
        found = _MARKER.search(content, place)
        if not found:
            return
        marker, start = found[1][0], found.end() - 2
        if marker in _WITHOUT_BODY:
            place = found.end()
            continue
        if marker == END[1]:
            yield marker, start, found.end()
            return
        end = start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")
        if end > len(content):
            return
        if marker == _SCAN:
            after = _MARKER.search(content, end)
            # An FF at the very end is the first half of a marker.
            end = after.start() if after else len(content.rstrip(b"\xff"))
        yield marker, start, end
        place = end
    raise Damaged
