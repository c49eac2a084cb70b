"""Where a checkpoint's files came from, and what every one of them must be."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from generation.engine.checkpoints.store.files import sha256, write_json

NAME = "record.json"


@dataclass(frozen=True, kw_only=True)
class File:
    """What a file must be: its size in bytes and its sum."""

    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """`source` is a repository of the hub, pinned to `revision`, or a path on this machine.

    `half` says that files in half precision were chosen. `files` go by their paths in the folder.
    Times are ISO 8601.
    """

    source: str
    revision: str = ""
    half: bool = False
    license: str = ""
    license_accepted_at: str = ""
    files: Mapping[str, File] = field(default_factory=dict)

    @property
    def num_bytes(self) -> int:
        return sum(file.size for file in self.files.values())


def read(folder: Path) -> Record | None:
    """Return the folder's record; None where there is none that can be read."""
    try:
        content: dict[str, Any] = json.loads((folder / NAME).read_text())
        files = {path: File(**file) for path, file in content.pop("files").items()}
        return Record(**content, files=files)
    except (OSError, AttributeError, KeyError, TypeError, ValueError):
        return None


def write(record: Record, folder: Path) -> None:
    write_json(folder / NAME, asdict(record))


def take(
    folder: Path, paths: Iterable[str], *, report: Callable[[int], object] = lambda _: None
) -> dict[str, File]:
    """Return what these files of the folder are now."""
    return {
        path: File(size=(folder / path).stat().st_size, sha256=sha256(folder / path, report=report))
        for path in sorted(paths)
    }


def faults_of_size(record: Record, folder: Path) -> Iterator[str]:
    """Tell of the files that are missing or of another size. Reads none of them."""
    for path, file in record.files.items():
        if fault := _fault_of_size(folder / path, file):
            yield f"{path} {fault}"


def bad_files(
    record: Record, folder: Path, *, report: Callable[[int], object]
) -> Iterator[tuple[str, str]]:
    """Yield the files that are not what was recorded, and why. Reads every byte."""
    for path, file in record.files.items():
        fault = _fault_of_size(folder / path, file)
        if not fault and sha256(folder / path, report=report) != file.sha256:
            fault = "is not what was recorded: its sum is another."
        if fault:
            yield path, f"{path} {fault}"


def _fault_of_size(path: Path, file: File) -> str:
    try:
        size = path.stat().st_size
    except OSError:
        return "is missing."
    return "" if size == file.size else f"has {size:,} bytes instead of {file.size:,}."
