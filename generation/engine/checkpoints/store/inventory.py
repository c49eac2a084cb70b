"""The inventory of the model store: listing, verification and removal."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.store import descriptor, manifest, status, structure
from generation.engine.checkpoints.store.descriptor import InvalidDescriptor
from generation.engine.checkpoints.store.downloads import DOWNLOADS
from generation.engine.checkpoints.store.manifest import Manifest
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family


class NotInstalled(Exception):
    """The id is unknown, not installed, or not removable; the message says which."""


@dataclass(frozen=True, kw_only=True)
class InventoryItem:
    """A checkpoint or safety checker, installed or not. `fault` is empty for an intact one."""

    id: str
    name: str
    family: Family | None
    license: str
    folder: Path
    is_bundled: bool
    is_own: bool
    is_present: bool
    fault: str
    manifest: Manifest | None

    @property
    def is_usable(self) -> bool:
        return self.is_present and not self.fault


def entries(root: Path) -> Iterator[InventoryItem]:
    """Yield all checkpoints in the catalogue's order, then unreadable ones, then the safety checker."""
    for checkpoint in catalogue.CHECKPOINTS.values():
        yield _entry(
            checkpoint.id,
            name=checkpoint.name,
            family=checkpoint.family,
            license=checkpoint.license,
            folder=catalogue.folder(checkpoint, root),
            is_bundled=checkpoint.is_bundled,
            is_own=not checkpoint.is_bundled and checkpoint.id not in DOWNLOADS,
        )
    yield from _undescribed(root)
    for item in DOWNLOADS.values():
        if item.family is None:
            yield _entry(
                item.id,
                name=item.name,
                family=None,
                license=item.license,
                folder=root / item.id,
                is_bundled=False,
                is_own=False,
            )


def get(id: str, *, root: Path) -> InventoryItem:
    """Return the item of this id. Raises NotInstalled."""
    for entry in entries(root):
        if entry.id == id:
            return entry
    raise NotInstalled(f"There is no checkpoint called {id}.")


def verify(entry: InventoryItem, *, report: Callable[[int], object] = lambda _: None) -> list[str]:
    """Read every byte and return the faults; a checkpoint with faults is not used any more.

    Without a manifest only its structure can be checked. `report` gets the bytes of each chunk.
    """
    found = []
    if entry.manifest is not None:
        bad = manifest.bad_files(entry.manifest, entry.folder, report=report)
        found = [fault for _path, fault in bad]
    if not found and (fault := _fault_of_structure(entry)):
        found = [fault]
    if not entry.is_bundled:
        status.note(entry.folder, found)
    return found


def remove(entry: InventoryItem) -> None:
    """Delete the folder, or only the link to one. Raises NotInstalled."""
    if entry.is_bundled:
        raise NotInstalled(f"{entry.name} is part of the program and stays.")
    if entry.folder.is_symlink():
        entry.folder.unlink()
        return
    if not entry.folder.is_dir():
        raise NotInstalled(f"{entry.name} is not installed.")
    # Renamed first: a half-deleted folder would still count as a checkpoint.
    doomed = entry.folder.with_name(f".{entry.id}.removed")
    shutil.rmtree(doomed, ignore_errors=True)
    entry.folder.rename(doomed)
    shutil.rmtree(doomed)


def _entry(
    id: str,
    *,
    name: str,
    family: Family | None,
    license: str,
    folder: Path,
    is_bundled: bool,
    is_own: bool,
) -> InventoryItem:
    is_present = folder.is_dir()
    return InventoryItem(
        id=id,
        name=name,
        family=family,
        license=license,
        folder=folder,
        is_bundled=is_bundled,
        is_own=is_own,
        is_present=is_present,
        fault=status.problem_in(folder, family) if is_present else "",
        manifest=manifest.read(folder) if is_present else None,
    )


def _undescribed(root: Path) -> Iterator[InventoryItem]:
    """Yield the operator's own whose descriptor cannot be read: the catalogue leaves them out."""
    for path in sorted(root.glob(f"*/{descriptor.NAME}")):
        folder = path.parent
        if folder.name in catalogue.CHECKPOINTS or folder.name.startswith("."):
            continue
        if fault := _fault_of_descriptor(folder):
            entry = _entry(
                folder.name,
                name=folder.name,
                family=None,
                license="",
                folder=folder,
                is_bundled=False,
                is_own=True,
            )
            yield replace(entry, fault=fault)


def _fault_of_descriptor(folder: Path) -> str:
    try:
        descriptor.read(folder)
    except InvalidDescriptor as error:
        return f"{error}. Mend the file, or remove the checkpoint and add it again."
    return ""


def _fault_of_structure(entry: InventoryItem) -> str:
    is_described = entry.is_own and (entry.folder / descriptor.NAME).exists()
    if is_described and (fault := _fault_of_descriptor(entry.folder)):
        return fault
    try:
        structure.require(entry.folder, entry.family)
    except (Unusable, OSError, ValueError) as error:
        return str(error)
    return ""
