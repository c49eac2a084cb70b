"""The identity of a checkpoint's files, which changes when one of them is replaced."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from generation.engine.checkpoints.store.status import FAULTS


def of_folder(folder: Path) -> str:
    """Return a digest of every file's path, size and time of change; empty without any file.

    Links count as the files that they lead to. Reads no file, so it is fast enough for every job.
    """
    files = sorted(_files(folder))
    return hashlib.sha256(repr(files).encode()).hexdigest() if files else ""


def _files(folder: Path) -> Iterator[tuple[str, int, int]]:
    # Inodes are left out: network file systems change them by themselves.
    for parent, _folders, names in os.walk(folder, followlinks=True):
        for name in names:
            path = Path(parent, name)
            try:
                status = path.stat()
            except OSError:
                # Removed a moment ago, or a link that leads nowhere.
                continue
            # A verification writes its result beside the weights, and changes none.
            if name != FAULTS:
                yield path.relative_to(folder).as_posix(), status.st_size, status.st_mtime_ns
