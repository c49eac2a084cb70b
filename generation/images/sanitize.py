"""Converts an untrusted upload to a clean PNG; runs in its own process with resource limits.

    python -m generation.images.sanitize < upload > clean.png

Reads PNG, JPEG, WebP, AVIF or HEIC, recognized by content. Writes the first frame upright, as RGB or RGBA in
sRGB, without metadata. On failure it prints one word to standard error and exits with 1: `format`, `size`,
`side`, `damaged`. Imports neither Django nor torch, for a quick start.
"""

import resource
import sys
from io import BytesIO

from generation.images.decoding import Refused, opened

MEMORY_BYTES = 1_500 * 2**20
CPU_SECONDS = 20


def main() -> int:
    limit_resources()
    try:
        clean = sanitized(sys.stdin.buffer.read())
    except Refused as refused:
        sys.stderr.write(str(refused))
        return 1
    sys.stdout.buffer.write(clean)
    return 0


def limit_resources() -> None:
    """Bound this process's memory and time; a process beyond them ends without a word."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


def sanitized(content: bytes) -> bytes:
    """Return the image as PNG. Raises Refused."""
    buffer = BytesIO()
    opened(content).upright().save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


if __name__ == "__main__":
    sys.exit(main())
