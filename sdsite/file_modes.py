"""Modes of the data folder: private to the site's user, and its shared folders readable to one group.

The data folder itself may be traversed by all: the embedded PostgreSQL runs as a user of its own.
"""

import contextlib
import grp
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

DATA_FOLDER = 0o711
# The site's own files in the data folder, by pattern. PostgreSQL keeps its folder private itself.
OURS = ("celerybeat-schedule*", "checkpoints", "css", "lock", "mail", "secret_key", "*.log")
# Folders that a proxy may serve.
SERVED = ("media", "static")


@dataclass(frozen=True)
class Modes:
    folder: int
    file: int


PRIVATE = Modes(0o700, 0o600)
# The setgid bit gives new files and folders their folder's group.
SHARED = Modes(0o2750, 0o640)
# Static files outside of the data folder: another user than the one who collects them may serve them.
PUBLIC = Modes(0o755, 0o644)


def served(group: str) -> Modes:
    """Modes of the SERVED folders; an empty `group` has no access."""
    return SHARED if group else PRIVATE


def options(modes: Modes) -> dict[str, int]:
    """Options of Django's file storages."""
    return {"file_permissions_mode": modes.file, "directory_permissions_mode": modes.folder}


def restrict() -> None:
    """Keep what this process and its children create to its own user, unless code sets a mode."""
    os.umask(0o077)


def private(path: str | Path, flags: int) -> int:
    """An opener for `open` that creates files readable by their owner alone."""
    return os.open(path, flags, PRIVATE.file)


def protect(data: Path, *, group: str = "") -> list[Path]:
    """Set the modes of the data folder and of all that is ours in it. Safe to call twice.

    Creates the media folder, so that files get its group from the first one on. Returns what belongs
    to another user or can't be changed. Raises OSError if the folders can't be created, and KeyError
    if the group does not exist.
    """
    gid = grp.getgrnam(group).gr_gid if group else None
    data.mkdir(parents=True, exist_ok=True)
    data = data.resolve()
    owner = os.geteuid() or data.stat().st_uid
    media = data / "media"
    if not media.exists():
        media.mkdir()
        os.chown(media, owner, -1)
    left = [] if _set(data, DATA_FOLDER, owner=owner) else [data]
    for path in _matching(data, OURS):
        left += _protect_tree(path, PRIVATE, owner=owner)
    for path in _matching(data, SERVED):
        left += _protect_tree(path, served(group), owner=owner, group=gid)
    return left


def _matching(data: Path, patterns: Iterable[str]) -> list[Path]:
    return [path for pattern in patterns for path in data.glob(pattern)]


def _protect_tree(
    path: Path, modes: Modes, *, owner: int, group: int | None = None
) -> Iterator[Path]:
    """Set modes, folders first; yields what was left as it is. Links are not followed."""
    # The site may run, and remove files meanwhile.
    with contextlib.suppress(FileNotFoundError):
        kind = path.lstat().st_mode
        if stat.S_ISDIR(kind):
            if not _set(path, modes.folder, owner=owner, group=group):
                yield path
                return
            for child in path.iterdir():
                yield from _protect_tree(child, modes, owner=owner, group=group)
        elif stat.S_ISREG(kind) and not _set(path, modes.file, owner=owner, group=group):
            yield path


def _set(path: Path, mode: int, *, owner: int, group: int | None = None) -> bool:
    """Set mode and group if they differ. Returns False if the path is another's, or can't be changed."""
    was = path.lstat()
    if was.st_uid != owner:
        return False
    try:
        if group is not None and was.st_gid != group:
            # This clears the setgid bit: the mode is compared afterwards.
            os.chown(path, -1, group)
        if stat.S_IMODE(path.lstat().st_mode) != mode:
            path.chmod(mode)
    except PermissionError:
        return False
    return True
