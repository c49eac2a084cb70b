"""JSON files and checksums."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHUNK = 2**20


def write_json(path: Path, content: Any) -> None:
    """Write the file atomically: a reader sees the old content or the new."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    beside.replace(path)


def sha256(path: Path, *, report: Callable[[int], object] = lambda _: None) -> str:
    """Return the file's SHA-256 in hex; `report` gets the number of bytes of each chunk."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            report(len(chunk))
    return digest.hexdigest()


def git_sha1(path: Path) -> str:
    """Return git's SHA-1 of the file, in hex: the hub lists no other checksum of small files."""
    content = path.read_bytes()
    header = b"blob %d\0" % len(content)
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()
