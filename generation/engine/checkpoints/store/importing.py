"""Adding: a checkpoint that is on this machine already, as a folder or as a single file."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from generation.engine.checkpoints.checkpoint import Checkpoint
from generation.engine.checkpoints.store import (
    descriptor,
    file_selection,
    inferred_configs,
    inspection,
    manifest,
    recognition,
    structure,
    tokenizers,
    weights,
)
from generation.engine.checkpoints.store.downloads import ITEMS, PARTS
from generation.engine.checkpoints.store.manifest import Record
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family

ASIDE = ".adding"


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What the operator says of a checkpoint; what they don't say is recognised.

    `vocabulary` is a folder that has CLIP's, for single files. `links` leaves a folder's files where
    they are.
    """

    id: str = ""
    name: str = ""
    family: Family | None = None
    prediction: str | None = None
    vocabulary: Path | None = None
    license: str = ""
    links: bool = False


def add(path: Path, wanted: ImportOptions, *, root: Path) -> Checkpoint:
    """Put the checkpoint on the shelf and into the catalogue; returns its entry. Raises Unusable."""
    path = path.expanduser().absolute()
    inspection.require_no_pickle(path.name)
    if not path.exists():
        raise Unusable(f"There is no {path}.")
    id = wanted.id or _id_from(path)
    _require_free(id, root)
    with _aside(root, id) as folder:
        if path.is_dir():
            _take_folder(path, folder, links=wanted.links)
        else:
            _take_file(path, folder, wanted, root=root)
        checkpoint = recognition.recognise(
            folder, id=id, name=wanted.name or path.stem, family=wanted.family
        )
        checkpoint = replace(checkpoint, license=wanted.license)
        structure.require(folder, checkpoint.family)
        files = [
            each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()
        ]
        manifest.write(
            Record(source=str(path), license=wanted.license, files=manifest.take(folder, files)),
            folder,
        )
        descriptor.write(checkpoint, folder)
        folder.rename(root / id)
    return descriptor.read(root / id)


def _id_from(path: Path) -> str:
    """Make an id of a name: small letters, digits, dots and hyphens."""
    stem = path.stem if path.is_file() else path.name
    return re.sub(r"[^a-z0-9.]+", "-", stem.lower()).strip("-.")[:63]


def _require_free(id: str, root: Path) -> None:
    if not descriptor.is_id(id):
        raise Unusable(f"{id!r} cannot be an id: use small letters, digits, dots and hyphens.")
    if id in ITEMS or id == "sketchbook":
        raise Unusable(f"{id} is the id of a listed checkpoint: choose another with --id.")
    if (root / id).exists():
        raise Unusable(f"{id} is on the shelf already: remove it first, or choose another --id.")


def _take_folder(path: Path, folder: Path, *, links: bool) -> None:
    """Take over the files that are needed, each copied or linked. Raises Unusable."""
    if not (path / structure.INDEX).is_file():
        raise Unusable(f"{path} has no {structure.INDEX}: it is not in the layout of diffusers.")
    names = [each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file()]
    parts = [name for name in (*PARTS, "feature_extractor") if (path / name).is_dir()]
    for choice in file_selection.select(names, parts=parts, half=False):
        target = folder / choice.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if links:
            target.symlink_to((path / choice.source).resolve())
        else:
            shutil.copyfile(path / choice.source, target)


def _take_file(path: Path, folder: Path, wanted: ImportOptions, *, root: Path) -> None:
    """Convert a single file. Raises Unusable."""
    if path.suffix != ".safetensors":
        raise Unusable(f"{path} is neither a folder nor a .safetensors file.")
    contents = inspection.contents_of(weights.header(path))
    prediction = inferred_configs.prediction_of(contents, wanted.prediction)
    clip = tokenizers.find_clip(
        wanted.vocabulary, root, size=inferred_configs.vocabulary_size(contents)
    )
    from generation.engine.checkpoints.store import conversion  # which loads torch

    conversion.convert(
        path,
        contents,
        folder,
        prediction=prediction,
        clip=clip,
        t5=tokenizers.find_t5(wanted.vocabulary, root),
    )


@contextmanager
def _aside(root: Path, id: str) -> Iterator[Path]:
    """A folder to work in, on the same disk; gone if the work fails."""
    folder = root / ASIDE / f"{id}.{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
