"""Fetching: from the hub to the shelf, in a folder aside until every file is there and right.

The first fetch resolves the newest revision and records it; whatever is fetched later for the same id
is of that revision, and has the sums that were recorded.
"""

import fcntl
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from generation.engine.checkpoints.store import file_selection, manifest, status, structure
from generation.engine.checkpoints.store.downloads import Item
from generation.engine.checkpoints.store.file_selection import Choice
from generation.engine.checkpoints.store.hub import PART, FetchError, Hub, RemoteFile, Snapshot
from generation.engine.checkpoints.store.manifest import File, Record
from generation.engine.checkpoints.store.weights import Unusable

ASIDE = ".fetching"
_LICENSE = re.compile(r"licen[sc]e(\.\w+)?", re.IGNORECASE)
# Left free on the disk beside what is fetched.
_SPARE_BYTES = 512 * 2**20


class LicenseNotAccepted(FetchError):
    """Nobody has accepted the licence. Nothing was fetched but its text."""


@dataclass(frozen=True, kw_only=True)
class License:
    """What is to be accepted: its name, and its text where the repository has it."""

    name: str
    text: str


Accept = Callable[[License], bool]
Say = Callable[[str], None]


def fetch(
    item: Item,
    *,
    root: Path,
    hub: Hub,
    accept: Accept,
    say: Say = lambda _: None,
    revision: str | None = None,
    half: bool = False,
) -> Record:
    """Put an item on the shelf, or make one that is there whole again; returns its record.

    `accept` is shown the licence, once for each item. `half` prefers weights in half precision. Raises
    FetchError or Unusable, having kept what has come.
    """
    root.mkdir(parents=True, exist_ok=True)
    folder = root / item.id
    if folder.is_symlink():
        raise FetchError(f"{folder} is a link: remove it first, to fetch the checkpoint itself.")
    with _claimed(root / ASIDE / item.id) as aside:
        known = manifest.read(folder) or manifest.read(aside)
        _require_same(item, known, revision)
        snapshot = hub.snapshot(item.source, revision=known.revision if known else revision)
        half = known.half if known else half
        if known is None or not known.license_accepted_at:
            known = _begin(item, snapshot, hub, aside, accept=accept, half=half)
        fetched = _Fetch(hub=hub, snapshot=snapshot, folder=folder, aside=aside, say=say)
        fetched.bring(fetched.missing(fetched.choices(item, half=half), known.files))
        return _settle(item, known, fetched)


def _require_same(item: Item, known: Record | None, revision: str | None) -> None:
    if known is None:
        return
    if known.source != item.source:
        raise FetchError(
            f"{item.id} came from {known.source}, not from the hub. Remove it first, to fetch it."
        )
    if revision is not None and not known.revision.startswith(revision):
        raise FetchError(
            f"{item.id} is pinned to revision {known.revision}. To have another, remove it first."
        )


def _begin(
    item: Item, snapshot: Snapshot, hub: Hub, aside: Path, *, accept: Accept, half: bool
) -> Record:
    """Have the licence accepted, and write down what is being fetched from now on."""
    license = License(name=item.license or snapshot.license, text=_text(snapshot, hub, aside))
    if not accept(license):
        raise LicenseNotAccepted(f"{item.name} may only be used under its licence, {license.name}.")
    begun = Record(
        source=item.source,
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
    """One fetch under way: files come into `aside`, and may be in `folder` already."""

    hub: Hub
    snapshot: Snapshot
    folder: Path
    aside: Path
    say: Say

    def choices(self, item: Item, *, half: bool) -> list[Choice]:
        """Return the files that the item consists of. Raises FetchError or Unusable."""
        index = self._index()
        parts = (
            file_selection.parts_of(index, among=item.parts)
            if item.family is not None
            else sorted(item.parts)
        )
        chosen = file_selection.select(self.snapshot.files, parts=parts, half=half)
        licenses = [Choice(path, path) for path in self.snapshot.files if _LICENSE.fullmatch(path)]
        return chosen + licenses

    def missing(self, chosen: Sequence[Choice], known: Mapping[str, File]) -> list[Choice]:
        """Return those that are not there yet, or not as they were recorded."""
        partial = Record(
            source="", files={c.path: known[c.path] for c in chosen if c.path in known}
        )
        whole = partial.files.keys() - {
            path for path, _ in manifest.bad_files(partial, self.folder, report=lambda _: None)
        }
        return [choice for choice in chosen if choice.path not in whole]

    def bring(self, chosen: Sequence[Choice]) -> None:
        """Download the files that are missing. Raises FetchError."""
        self._require_space(chosen)
        for number, choice in enumerate(chosen, start=1):
            file = self._file(choice)
            self.say(f"{number}/{len(chosen)} {choice.path} ({file.size:,} bytes)")
            self.hub.download(self.snapshot, file, self.aside / choice.path)

    def _index(self) -> dict[str, Any]:
        path = self.aside / structure.INDEX
        self.hub.download(self.snapshot, self._file(Choice(structure.INDEX, structure.INDEX)), path)
        content: dict[str, Any] = json.loads(path.read_text())
        return content

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


def _settle(item: Item, known: Record, fetched: _Fetch) -> Record:
    """Record what has come, see that it is what was recorded before, and put it in its place."""
    folder, aside = fetched.folder, fetched.aside
    for part in aside.rglob(f"*{PART}"):
        part.unlink()
    new = [path.relative_to(aside).as_posix() for path in aside.rglob("*") if path.is_file()]
    came = manifest.take(aside, [path for path in new if path != manifest.NAME])
    changed = [path for path, file in came.items() if known.files.get(path, file) != file]
    if changed:
        raise FetchError(
            f"{', '.join(changed)}: the hub's file is not the one that was recorded at first, though "
            f"its revision is the same ({known.revision}). Nothing was changed."
        )
    complete = replace(known, files={**known.files, **came})
    manifest.write(complete, aside)
    if not folder.exists():
        _require_structure(item, aside)
        aside.rename(folder)
        return complete
    for path in came:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (aside / path).replace(folder / path)
    manifest.write(complete, folder)
    _require_structure(item, folder)
    status.note(folder, ())
    return complete


def _require_structure(item: Item, folder: Path) -> None:
    try:
        structure.require(folder, item.family)
    except Unusable as error:
        raise FetchError(f"{item.source} is not what was expected. {error}") from error


@contextmanager
def _claimed(folder: Path) -> Iterator[Path]:
    """Keep two commands from fetching the same; the folder stays if it is not done."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FetchError(f"{folder.name} is being fetched already.") from None
        yield folder
        shutil.rmtree(folder, ignore_errors=True)
