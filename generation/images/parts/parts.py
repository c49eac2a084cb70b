"""The parts that all formats have."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from generation.images.parts import exif


class UnknownFormat(ValueError):
    """The file is in no format that is read here."""


class Damaged(ValueError):
    """The file begins like an image, and breaks off or breaks the rules of its format."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """An image file, taken apart.

    `kept` are slices of the file that decoding needs; no text, profile or EXIF data is among them. `is_cut`: the
    file ends before its end marker, so pixels may be missing. `texts` has texts by keyword, the first of a
    name; EXIF's comment is there as `parameters` if no other text is.
    """

    format: str
    kept: Sequence[bytes | memoryview]
    is_cut: bool = False
    profile: bytes = b""
    exif: bytes = b""
    xmp: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def pixels(self) -> bytes:
        """A smaller file with the same pixels."""
        return b"".join(self.kept)

    @cached_property
    def orientation(self) -> int:
        """EXIF's orientation, 1 to 8; XMP's if EXIF has none; else 1, which is upright."""
        return exif.orientation(self.exif) or exif.orientation_in_xmp(self.xmp) or 1


def inflated(data: bytes | memoryview, limit: int) -> tuple[bytes, bool]:
    """Decompress up to `limit` bytes; also return whether that was all.

    Raises zlib.error for data that is not compressed by zlib.
    """
    decompressor = zlib.decompressobj()
    found = decompressor.decompress(data, limit)
    return found, decompressor.eof


def decoded(data: bytes) -> str:
    """Decode a text of unknown encoding: UTF-8 with or without its mark, else Latin-1, as PNG has it."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def merged(texts: Mapping[str, str], exif_data: bytes, *comments: str) -> Mapping[str, str]:
    """Add EXIF's texts and other comments to a file's own texts, which go first."""
    found = dict(texts)
    for name, text in exif.texts(exif_data).items():
        found.setdefault(name, text)
    for comment in comments:
        found.setdefault("parameters", comment)
    return found
