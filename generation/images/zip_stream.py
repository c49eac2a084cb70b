"""A ZIP file of images, made while it is sent; memory holds one piece of one image."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Generator, Iterable, Sequence
from pathlib import PurePosixPath

from django.core.files.storage import default_storage
from django.utils.text import slugify
from zipstream import ZIP_STORED, ZipStream

from generation.models import Image

log = logging.getLogger(__name__)

PIECE_BYTES = 256 * 2**10
NAME_LENGTH = 60


async def stream(images: Sequence[Image]) -> AsyncIterator[bytes]:
    """The archive in pieces; each is made in a thread, as reading the store blocks."""
    pieces = _pieces(images)
    # If the client disconnects, the thread must finish its piece before the file is closed.
    lock = threading.Lock()

    def pull() -> bytes | None:
        with lock:
            return next(pieces, None)

    def close() -> None:
        with lock:
            pieces.close()

    try:
        while (piece := await asyncio.to_thread(pull)) is not None:
            yield piece
    finally:
        await asyncio.to_thread(close)


def name_of(image: Image, *, number: int) -> str:
    """A file name from date, prompt and number; the number makes it unique in the archive."""
    words = slugify(image.prompt, allow_unicode=True)[:NAME_LENGTH].strip("-") or "picture"
    return f"{image.created_at:%Y-%m-%d}-{words}-{number}{PurePosixPath(image.file).suffix}"


def _pieces(images: Iterable[Image]) -> Generator[bytes, None, None]:
    # PNG is compressed already.
    archive = ZipStream(compress_type=ZIP_STORED)
    for number, image in enumerate(images, start=1):
        try:
            file = default_storage.open(image.file)
        except FileNotFoundError:
            log.exception("picture %s has no file", image.pk)
            continue
        with file:
            archive.add(file.chunks(PIECE_BYTES), name_of(image, number=number))
            yield from archive.all_files()
    yield from archive.finalize()
