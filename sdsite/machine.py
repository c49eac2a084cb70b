"""Checks and preparations for a site on one machine: port, data folder, disk space, secret key."""

import contextlib
import fcntl
import os
import secrets
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from sdsite.file_modes import private

NEEDED_BYTES = 500 * 2**20


class Unsuitable(Exception):
    """The machine can't run the site. The message says what to do."""


def require_free_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise Unsuitable(
                f"Port {port} can't be used ({error}). "
                "End what uses it, or choose another: make run PORT=8001"
            ) from error


@contextlib.contextmanager
def claimed(data: Path) -> Iterator[None]:
    """Create the folder `data`, and lock it against other sites while the block runs."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = open(data / "lock", "w", opener=private)  # noqa: SIM115  # the block below closes it
    except OSError as error:
        raise Unsuitable(
            f"The data folder {data} can't be written ({error.strerror}). "
            "Choose another: make run DATA=/some/folder"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Unsuitable(
                f"Another site runs on {data}. End it, or choose another folder: "
                "make run PORT=8001 DATA=/some/folder"
            ) from error
        _require_space(data)
        yield


def _require_space(data: Path) -> None:
    free = shutil.disk_usage(data).free
    if free < NEEDED_BYTES:
        raise Unsuitable(
            f"Only {free // 2**20} MB are free at {data}. Free {NEEDED_BYTES // 2**20} MB, "
            "or choose a folder on another disk: make run DATA=/some/folder"
        )


def secret(path: Path) -> str:
    """The secret in the file `path`, created at the first call, readable by its owner only."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
    return path.read_text()


def answers(url: str) -> bool:
    """True if a GET of `url` succeeds within a second."""
    try:
        with urllib.request.urlopen(url, timeout=1):  # noqa: S310  # a loopback address of ours
            return True
    except OSError:
        return False
