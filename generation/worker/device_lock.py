"""A lock on a device, so that one worker alone measures its time. It ends with its process."""

import fcntl
from pathlib import Path
from typing import TextIO

from django.conf import settings

# Open files of this process: a lock is lost when its file is closed.
_held: dict[str, TextIO] = {}


class DeviceTaken(Exception):
    """Another worker has the device."""


def take(device_id: str) -> None:
    """Lock the device for the rest of this process. Raises DeviceTaken."""
    folder = Path(settings.DATA_DIR) / "devices"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = (folder / f"{device_id}.lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise DeviceTaken(
            f"Another worker uses the device {device_id}. Each would charge its customers for the other's "
            "work: start one worker for each device, and raise WORKER_SLOTS instead."
        ) from error
    _held[device_id] = file


def release(device_id: str) -> None:
    """Unlock the device. Safe to call twice."""
    if file := _held.pop(device_id, None):
        file.close()
