"""Downloads of checkpoints from the hub into the model store.

Files arrive in a temporary folder, which replaces the checkpoint's own once all are complete and
correct. The first download records the newest revision; later ones of the same id repair files at
that revision, and must match the recorded checksums.
"""

import fcntl
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from generation.engine import strict_json
from generation.engine.checkpoints.store import file_selection, manifest, status, structure
from generation.engine.checkpoints.store.downloads import Download
from generation.engine.checkpoints.store.file_selection import Choice
from generation.engine.checkpoints.store.hub import PART, FetchError, Hub, RemoteFile, Snapshot
from generation.engine.checkpoints.store.manifest import File, Manifest
from generation.engine.checkpoints.store.weights import Unusable

ASIDE = ".fetching"
_LICENSE = re.compile(r"licen[sc]e(\.\w+)?", re.IGNORECASE)
# A download leaves so much of the disk free.
_SPARE_BYTES = 512 * 2**20


class LicenseNotAccepted(FetchError):
    """The operator has not accepted the license; only its text was downloaded."""


@dataclass(frozen=True, kw_only=True)
class License:
    """A license to accept: its name, and its text if the repository has one."""

    name: str
    text: str


Accept = Callable[[License], bool]
Say = Callable[[str], None]


def fetch(
    download: Download,
    *,
    root: Path,
    hub: Hub,
    accept: Accept,
    say: Say = lambda _: None,
    revision: str | None = None,
    half: bool = False,
) -> Manifest:
    """Download a checkpoint, or repair an installed one; return its manifest.

    `accept` gets the license, once for each checkpoint. `half` prefers weights in half precision.
    Complete files are kept on errors, and another call resumes. Raises FetchError or Unusable.
    """
    root.mkdir(parents=True, exist_ok=True)
    folder = root / download.id
    if folder.is_symlink():
        raise FetchError(f"{folder} is a link: remove it first, to fetch the checkpoint itself.")
    with _claimed(root / ASIDE / download.id) as aside:
        known = manifest.read(folder) or manifest.read(aside)
        _require_same(download, known, revision)
        snapshot = hub.snapshot(download.source, revision=known.revision if known else revision)
        half = known.half if known else half
        if known is None or not known.license_accepted_at:
            known = _begin(download, snapshot, hub, aside, accept=accept, half=half)
        fetched = _Fetch(hub=hub, snapshot=snapshot, folder=folder, aside=aside, say=say)
        fetched.bring(fetched.missing(fetched.choices(download, half=half), known.files))
        return _settle(download, known, fetched)


def _require_same(download: Download, known: Manifest | None, revision: str | None) -> None:
    if known is None:
        return
    if known.source != download.source:
        raise FetchError(
            f"{download.id} came from {known.source}, not from the hub. Remove it first, to fetch it."
        )
    if revision is not None and not known.revision.startswith(revision):
        raise FetchError(
            f"{download.id} is pinned to revision {known.revision}. To have another, remove it first."
        )


def _begin(
    download: Download, snapshot: Snapshot, hub: Hub, aside: Path, *, accept: Accept, half: bool
) -> Manifest:
    """Ask for the license, then write the manifest of the download. Raises LicenseNotAccepted."""
    license = License(name=download.license or snapshot.license, text=_text(snapshot, hub, aside))
    if not accept(license):
        raise LicenseNotAccepted(
            f"{download.name} may only be used under its license, {license.name}."
        )
    begun = Manifest(
        source=download.source,
        revision=snapshot.revision,
        half=half,
        license=license.name,
        license_accepted_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    manifest.write(begun, aside)
    return begun


def _text(snapshot: Snapshot, hub: Hub, aside: Path) -> str:
    for path in sorted(snapshot.files):
        if _LICENSE.fullmatch(path):
            hub.download(snapshot, snapshot.files[path], aside / path)
            return (aside / path).read_text(errors="replace")
    return ""


@dataclass(frozen=True, kw_only=True)
class _Fetch:
    """One download: files arrive in `aside`; some may be in `folder` already."""

    hub: Hub
    snapshot: Snapshot
    folder: Path
    aside: Path
    say: Say

    def choices(self, download: Download, *, half: bool) -> list[Choice]:
        """Return the files to have. Raises FetchError or Unusable."""
        index = self._index()
        parts = (
            file_selection.parts_of(index, among=download.parts)
            if download.family is not None
            else sorted(download.parts)
        )
        chosen = file_selection.select(self.snapshot.files, parts=parts, half=half)
        licenses = [Choice(path, path) for path in self.snapshot.files if _LICENSE.fullmatch(path)]
        return chosen + licenses

    def missing(self, chosen: Sequence[Choice], known: Mapping[str, File]) -> list[Choice]:
        """Return those that are absent or differ from their recorded checksums."""
        partial = Manifest(
            source="", files={c.path: known[c.path] for c in chosen if c.path in known}
        )
        whole = partial.files.keys() - {
            path for path, _ in manifest.bad_files(partial, self.folder, report=lambda _: None)
        }
        return [choice for choice in chosen if choice.path not in whole]

    def bring(self, chosen: Sequence[Choice]) -> None:
        """Download the chosen files. Raises FetchError."""
        self._require_space(chosen)
        for number, choice in enumerate(chosen, start=1):
            file = self._file(choice)
            self.say(f"{number}/{len(chosen)} {choice.path} ({file.size:,} bytes)")
            self.hub.download(self.snapshot, file, self.aside / choice.path)

    def _index(self) -> dict[str, Any]:
        path = self.aside / structure.INDEX
        self.hub.download(self.snapshot, self._file(Choice(structure.INDEX, structure.INDEX)), path)
        return strict_json.read_object(path)

    def _file(self, choice: Choice) -> RemoteFile:
        try:
            return self.snapshot.files[choice.source]
        except KeyError:
            raise FetchError(f"{self.snapshot.repository} has no {choice.source}.") from None

    def _require_space(self, chosen: Sequence[Choice]) -> None:
        there = sum(path.stat().st_size for path in self.aside.rglob("*") if path.is_file())
        needed = sum(self._file(choice).size for choice in chosen) - there
        free = shutil.disk_usage(self.aside).free
        if needed + _SPARE_BYTES > free:
            raise FetchError(
                f"{needed:,} bytes are to come, and {free:,} are free at {self.aside.parent.parent}."
            )


def _settle(download: Download, known: Manifest, fetched: _Fetch) -> Manifest:
    """Check the new files against the manifest, add them to it, and move them into place.

    Raises FetchError.
    """
    folder, aside = fetched.folder, fetched.aside
    for part in aside.rglob(f"*{PART}"):
        part.unlink()
    new = [path.relative_to(aside).as_posix() for path in aside.rglob("*") if path.is_file()]
    came = manifest.checksums(aside, [path for path in new if path != manifest.NAME])
    changed = [path for path, file in came.items() if known.files.get(path, file) != file]
    if changed:
        raise FetchError(
            f"{', '.join(changed)}: the hub's file is not the one that was recorded at first, though "
            f"its revision is the same ({known.revision}). Nothing was changed."
        )
    complete = replace(known, files={**known.files, **came})
    manifest.write(complete, aside)
    if not folder.exists():
        _require_structure(download, aside)
        aside.rename(folder)
        return complete
    for path in came:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (aside / path).replace(folder / path)
    manifest.write(complete, folder)
    _require_structure(download, folder)
    status.note(folder, ())
    return complete


def _require_structure(download: Download, folder: Path) -> None:
    try:
        structure.require(folder, download.family)
    except Unusable as error:
        raise FetchError(f"{download.source} is not what was expected. {error}") from error


@contextmanager
def _claimed(folder: Path) -> Iterator[Path]:
    """Lock the temporary folder against other commands; delete it on success only.

    Raises FetchError if another command holds the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FetchError(f"{folder.name} is being fetched already.") from None
        yield folder
        shutil.rmtree(folder, ignore_errors=True)
