"""The few EXIF tags of use here, read by hand: another tag's odd value breaks none of them."""

import re
import struct
from collections.abc import Iterator, Mapping
from typing import Literal

from generation.images.parts.bounds import MAX_TEXT, MAX_TEXTS

_HEADER = b"Exif\0\0"
_ORIENTATION = 0x0112
_SUBDIRECTORY = 0x8769
_USER_COMMENT = 0x9286
# ImageDescription, Make and Model: some programs put "prompt:" and their settings there.
_DESCRIPTIONS = (0x010E, 0x010F, 0x0110)
_KEYWORD = re.compile(r"(prompt|parameters|workflow)\s*:\s*", re.IGNORECASE)
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_MAX_TAGS = 1_000
_IN_XMP = re.compile(r"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])")


def orientation(data: bytes) -> int:
    """Return the orientation, 1 to 8; 0 if there is none, or one that means nothing."""
    order = _order(data)
    for tag, kind, value in _tags(data):
        if tag == _ORIENTATION and value:
            size = min(_SIZES.get(kind, 2), len(value))
            number = int.from_bytes(value[:size], order)
            return number if 1 <= number <= 8 else 0
    return 0


def orientation_in_xmp(xmp: str) -> int:
    """Return the orientation in an XMP packet; 0 if there is none."""
    found = _IN_XMP.search(xmp)
    return int(found[1]) if found else 0


def texts(data: bytes) -> Mapping[str, str]:
    """Return settings of an image: UserComment as `parameters`, and descriptions that begin with a keyword.

    The first of each tag counts. Many may share one place in the file, so the sum of what is read is bounded too.
    """
    found: dict[str, str] = {}
    order, left = _order(data), MAX_TEXTS
    seen: set[int] = set()
    for tag, _kind, value in _tags(data):
        is_read = tag == _USER_COMMENT or tag in _DESCRIPTIONS
        if not is_read or tag in seen or len(value) > min(MAX_TEXT, left):
            continue
        seen.add(tag)
        left -= len(value)
        if tag == _USER_COMMENT:
            name, text = "parameters", _comment(bytes(value), order)
        else:
            name, text = _described(bytes(value))
        if text:
            found.setdefault(name, text)
    return found


def _described(value: bytes) -> tuple[str, str]:
    """Return keyword and text of a description; both are empty without a keyword."""
    text = value.rstrip(b"\0").decode(errors="replace")
    begins = _KEYWORD.match(text)
    return (begins[1].lower(), text[begins.end() :]) if begins else ("", "")


def _tags(data: bytes) -> Iterator[tuple[int, int, memoryview]]:
    """Yield tag, type and value of the first directory and of EXIF's own; values out of bounds are skipped."""
    view = memoryview(_body(data))
    mark = ">" if bytes(view[:2]) == b"MM" else "<"
    places = [view[4:8]]
    for place in places:
        if len(place) != 4:
            return
        (start,) = struct.unpack(mark + "I", place)
        for tag, kind, value in _directory(view, start, mark):
            # Of the second directory no further one is followed: it may name itself.
            if tag == _SUBDIRECTORY and len(places) == 1:
                places.append(value)
            yield tag, kind, value


def _directory(data: memoryview, start: int, mark: str) -> Iterator[tuple[int, int, memoryview]]:
    if start + 2 > len(data):
        return
    (number,) = struct.unpack_from(mark + "H", data, start)
    for place in range(start + 2, start + 2 + 12 * min(number, _MAX_TAGS), 12):
        if place + 12 > len(data):
            return
        tag, kind, count = struct.unpack_from(mark + "HHI", data, place)
        size = _SIZES.get(kind, 0) * count
        if size <= 4:
            yield tag, kind, data[place + 8 : place + 8 + size]
            continue
        (offset,) = struct.unpack_from(mark + "I", data, place + 8)
        if offset + size <= len(data):
            yield tag, kind, data[offset : offset + size]


def _body(data: bytes) -> bytes:
    return data.removeprefix(_HEADER)


def _order(data: bytes) -> Literal["big", "little"]:
    return "big" if _body(data)[:2] == b"MM" else "little"


def _comment(value: bytes, order: str) -> str:
    """Decode a UserComment, which begins with the eight bytes of its encoding's name."""
    name, text = value[:8], value[8:]
    if name.startswith(b"UNICODE"):
        return _utf16(text, order).strip("\0 ")
    if name.startswith((b"ASCII", b"JIS")) or not name.strip(b"\0"):
        value = text
    return value.decode(errors="replace").strip("\0 ")


def _utf16(text: bytes, order: str) -> str:
    """Decode UTF-16 of either byte order.

    Programs write either one, whatever the order of the file's numbers is. In Latin text, every other byte is
    zero; spaces and digits show the order even among Chinese.
    """
    if text.startswith(b"\xfe\xff"):
        order, text = "big", text[2:]
    elif text.startswith(b"\xff\xfe"):
        order, text = "little", text[2:]
    else:
        even, odd = text[::2].count(0), text[1::2].count(0)
        if even != odd:
            order = "big" if even > odd else "little"
    return text.decode("utf-16-be" if order == "big" else "utf-16-le", errors="ignore")
