"""Manifests: the source of a checkpoint's files, and the size and checksum of each."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from generation.engine import strict_json
from generation.engine.checkpoints.store.files import sha256, write_json

NAME = "record.json"


@dataclass(frozen=True, kw_only=True)
class File:
    """The size of a file in bytes, and its checksum."""

    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The manifest of one checkpoint.

    `source` is a repository of the hub, pinned to `revision`, or a path on this machine. `half`
    is true if weights in half precision were chosen. Keys of `files` are paths in the folder. Times
    are ISO 8601.
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


def read(folder: Path) -> Manifest | None:
    """Return the folder's manifest; None if it is missing or unreadable."""
    try:
        content: dict[str, Any] = strict_json.loads((folder / NAME).read_bytes())
        files = {path: File(**file) for path, file in content.pop("files").items()}
        return Manifest(**content, files=files)
    except (OSError, AttributeError, KeyError, TypeError, ValueError):
        return None


def write(manifest: Manifest, folder: Path) -> None:
    write_json(folder / NAME, asdict(manifest))


def checksums(
    folder: Path, paths: Iterable[str], *, report: Callable[[int], object] = lambda _: None
) -> dict[str, File]:
    """Return the present sizes and checksums of these files of the folder."""
    return {
        path: File(size=(folder / path).stat().st_size, sha256=sha256(folder / path, report=report))
        for path in sorted(paths)
    }


def faults_of_size(manifest: Manifest, folder: Path) -> Iterator[str]:
    """Yield a message for each file that is missing or has another size. Reads no file."""
    for path, file in manifest.files.items():
        if fault := _fault_of_size(folder / path, file):
            yield f"{path} {fault}"


def bad_files(
    manifest: Manifest, folder: Path, *, report: Callable[[int], object]
) -> Iterator[tuple[str, str]]:
    """Yield each file that differs from the manifest, and a message. Reads every byte."""
    for path, file in manifest.files.items():
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
