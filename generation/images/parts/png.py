"""PNG: chunks. Texts may stand before the pixels or after them, and be compressed."""

import struct
import zlib
from collections.abc import Iterator

from generation.images.parts import png_colors
from generation.images.parts.bounds import KEYWORDS, MAX_CHUNKS, MAX_TEXT, MAX_TEXTS
from generation.images.parts.parts import Damaged, Parts, decoded, inflated, merged

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
_XMP = "XML:com.adobe.xmp"
# ImageMagick writes EXIF data as hexadecimal digits.
_RAW_EXIF = "Raw profile type exif"
_READ = KEYWORDS | {_XMP, _RAW_EXIF}
_MAX_KEYWORD = 79
_END = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))


def is_like(content: bytes) -> bool:
    return content.startswith(SIGNATURE[:4])


def read(content: bytes) -> Parts:
    """Return the file's parts. Raises Damaged."""
    if not content.startswith(SIGNATURE):
        raise Damaged
    kept: list[bytes | memoryview] = [SIGNATURE]
    others: dict[bytes, bytes] = {}
    texts = _Texts()
    for kind, body in _chunks(content):
        if kind == b"IHDR" and len(kept) > 1:
            # Only the first header has been checked.
            continue
        if kind in _PIXELS:
            kept += _chunk(kind, body)
        elif kind in _TEXTS:
            texts.add(kind, body)
        elif kind in png_colors.CHUNKS or kind == b"eXIf":
            others.setdefault(kind, bytes(body))
    exif = others.get(b"eXIf", b"") or _raw_exif(texts.found.pop(_RAW_EXIF, ""))
    return Parts(
        format="PNG",
        kept=[*kept, _END],
        profile=png_colors.profile(others),
        exif=exif,
        xmp=texts.found.pop(_XMP, ""),
        texts=merged(texts.found, exif),
    )


def _chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield name and body of each chunk, up to IEND; the last body may be shorter than it says."""
    view = memoryview(content)
    place = len(SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if place + 8 > len(content):
            return
        length, kind = struct.unpack_from(">I4s", content, place)
        if kind == b"IEND":
            return
        yield kind, view[place + 8 : place + 8 + length]
        place += 12 + length
    raise Damaged


def _chunk(kind: bytes, body: memoryview) -> list[bytes | memoryview]:
    """Write a chunk anew: a length and a checksum that broke off with the file hide no pixel."""
    return [struct.pack(">I4s", len(body), kind), body, _checksum(kind, body)]


def _checksum(kind: bytes, body: memoryview) -> bytes:
    return struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


class _Texts:
    """Texts by keyword, of which only those that are looked at are decoded, the first of each.

    One budget is for the bytes of all.
    """

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._seen: set[str] = set()
        self._left = MAX_TEXTS

    def add(self, kind: bytes, body: memoryview) -> None:
        name = bytes(body[: _MAX_KEYWORD + 1]).partition(b"\0")[0].decode("latin-1")
        if name not in _READ or name in self._seen or not self._left:
            return
        self._seen.add(name)
        text = _TEXTS[kind](bytes(body[len(name) + 1 :]), min(MAX_TEXT, self._left))
        if text is not None:
            self._left -= len(text)
            self.found[name] = decoded(text)


def _plain(rest: bytes, limit: int) -> bytes | None:
    return rest if len(rest) <= limit else None


def _compressed(rest: bytes, limit: int) -> bytes | None:
    """Return a text after the byte that names its compression; None for a longer one than the limit."""
    try:
        text, is_whole = inflated(rest[1:], limit)
    except zlib.error:
        return None
    return text if is_whole else None


def _international(rest: bytes, limit: int) -> bytes | None:
    """Return a text after its flags, its language and its translated keyword."""
    _language, _, after = rest[2:].partition(b"\0")
    _keyword, _, text = after.partition(b"\0")
    return _compressed(b"\0" + text, limit) if rest[:1] == b"\1" else _plain(text, limit)


_TEXTS = {b"tEXt": _plain, b"zTXt": _compressed, b"iTXt": _international}


def _raw_exif(text: str) -> bytes:
    """Decode what follows the name and the length, which stand on lines of their own."""
    digits = "".join(text.split()[2:])
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b""
