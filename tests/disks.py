"""A disk that is full, for the files that this process writes."""

import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def almost_full(*, room: int = 2**16) -> Iterator[None]:
    """Let every file grow to `room` bytes; the kernel refuses the rest. Logs have room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def incompressible(size: int = 2**17) -> bytes:
    """More bytes than an almost full disk has room for, with which a PNG stays as large."""
    return random.Random(1).randbytes(size)
