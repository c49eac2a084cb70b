"""Files in the media store, each stored whole or not at all."""

import contextlib
import errno
from typing import Any

from django.core.files.base import File
from django.core.files.storage import default_storage

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def save(name: str, content: "File[Any]") -> str:
    """Store a file under a name that no other writer uses; return its key.

    Raises OSError, such as for a full disk, after deleting the part that was written.
    """
    try:
        key: str = default_storage.save(name, content)
    except OSError:
        with contextlib.suppress(OSError):
            default_storage.delete(name)
        raise
    return key


def is_out_of_room(error: object) -> bool:
    """True for the error of a full disk. Larger files of a form pass through one before a view sees them."""
    return isinstance(error, OSError) and error.errno in _NO_ROOM
