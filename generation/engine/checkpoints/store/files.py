"""Small files and sums."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHUNK = 2**20


def write_json(path: Path, content: Any) -> None:
    """Write it so that nobody ever reads half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    beside.replace(path)


def sha256(path: Path, *, report: Callable[[int], object] = lambda _: None) -> str:
    """Return the file's sum; `report` is told of every so many bytes read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            report(len(chunk))
    return digest.hexdigest()


def git_sha1(path: Path) -> str:
    """Return the sum that git names the file by: what the hub knows of small files."""
    content = path.read_bytes()
    header = b"blob %d\0" % len(content)
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()
