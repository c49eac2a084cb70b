"""Converts an untrusted upload to a clean PNG; runs in its own process with resource limits.

    python -m generation.images.sanitize < upload > clean.png

Reads PNG, JPEG or WebP, recognized by content. Writes the first frame upright, as RGB or RGBA, without
metadata. On failure it prints one word to standard error and exits with 1: `format`, `size`, `side`, `damaged`.
Imports neither Django nor torch, for a quick start.
"""

import resource
import sys
import warnings
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "WEBP")
SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF")
MAX_PIXELS = 16_777_216
# Decoding is by rows: a picture of one column takes a hundred times as long as a square.
MAX_SIDE = 16_384
MEMORY_BYTES = 1_500 * 2**20
CPU_SECONDS = 20


class Refused(Exception):
    """The upload is unusable; the message is one of the words above."""


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    try:
        clean = sanitized(sys.stdin.buffer.read())
    except Refused as refused:
        sys.stderr.write(str(refused))
        return 1
    sys.stdout.buffer.write(clean)
    return 0


def sanitized(content: bytes) -> bytes:
    """Return the image as PNG. Raises Refused."""
    picture = opened(content)
    try:
        return _encoded(picture)
    except Exception as error:  # decoders raise anything on a damaged file
        raise Refused("damaged") from error


def opened(content: bytes) -> Image.Image:
    """Open an image without decoding it, after checks of its header. Raises Refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(BytesIO(content), formats=FORMATS)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError) as error:
        raise Refused(_reason(content, error)) from error
    if picture.width * picture.height > MAX_PIXELS:
        raise Refused("size")
    if max(picture.size) > MAX_SIDE:
        raise Refused("side")
    return picture


def _reason(content: bytes, error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return "size"
    return "damaged" if content.startswith(SIGNATURES) else "format"


def _encoded(picture: Image.Image) -> bytes:
    picture.seek(0)
    picture.load()
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I"):
        # Sixteen bits a channel: keep the upper eight.
        upright = upright.point(lambda level: level / 256).convert("L")
    has_alpha = "A" in upright.getbands() or "transparency" in upright.info
    clean = upright.convert("RGBA" if has_alpha else "RGB")
    buffer = BytesIO()
    clean.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


if __name__ == "__main__":
    sys.exit(main())
