"""Import of a local checkpoint: a folder in the layout of diffusers, or a single file."""

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
    text_encoder_configs,
    tokenizers,
    weights,
)
from generation.engine.checkpoints.store.downloads import DOWNLOADS, PARTS
from generation.engine.checkpoints.store.manifest import Manifest
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family

ASIDE = ".adding"


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """The operator's choices; empty ones are detected from the checkpoint.

    `vocabulary` is a folder with CLIP's vocabulary, for single files. `links` makes symbolic links to a
    folder's files instead of copies.
    """

    id: str = ""
    name: str = ""
    family: Family | None = None
    prediction: str | None = None
    vocabulary: Path | None = None
    license: str = ""
    links: bool = False


def add(path: Path, options: ImportOptions, *, root: Path) -> Checkpoint:
    """Add the checkpoint to the model store; return its catalogue entry. Raises Unusable."""
    path = path.expanduser().absolute()
    inspection.require_no_pickle(path.name)
    if not path.exists():
        raise Unusable(f"There is no {path}.")
    id = options.id or _id_from(path)
    _require_free(id, root)
    with _aside(root, id) as folder:
        if path.is_dir():
            _take_folder(path, folder, links=options.links)
        else:
            _take_file(path, folder, options, root=root)
        checkpoint = recognition.recognize(
            folder, id=id, name=options.name or path.stem, family=options.family
        )
        checkpoint = replace(checkpoint, license=options.license)
        structure.require(folder, checkpoint.family)
        files = [
            each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()
        ]
        manifest.write(
            Manifest(
                source=str(path), license=options.license, files=manifest.checksums(folder, files)
            ),
            folder,
        )
        descriptor.write(checkpoint, folder)
        folder.rename(root / id)
    return descriptor.read(root / id)


def _id_from(path: Path) -> str:
    """Derive an id from a file name: lower-case letters, digits, dots and hyphens."""
    stem = path.stem if path.is_file() else path.name
    return re.sub(r"[^a-z0-9.]+", "-", stem.lower()).strip("-.")[:63]


def _require_free(id: str, root: Path) -> None:
    if not descriptor.is_id(id):
        raise Unusable(f"{id!r} cannot be an id: use small letters, digits, dots and hyphens.")
    if id in DOWNLOADS or id == "sketchbook":
        raise Unusable(f"{id} is the id of a listed checkpoint: choose another with --id.")
    if (root / id).exists():
        raise Unusable(f"{id} is installed already: remove it first, or choose another --id.")


def _take_folder(path: Path, folder: Path, *, links: bool) -> None:
    """Copy or link the files that the engine loads. Raises Unusable."""
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


def _take_file(path: Path, folder: Path, options: ImportOptions, *, root: Path) -> None:
    """Convert a single file. Raises Unusable."""
    if path.suffix != ".safetensors":
        raise Unusable(f"{path} is neither a folder nor a .safetensors file.")
    contents = inspection.contents_of(weights.header(path))
    prediction = inferred_configs.prediction_of(contents, options.prediction)
    clip = tokenizers.find_clip(
        options.vocabulary, root, size=text_encoder_configs.vocabulary_size(contents)
    )
    from generation.engine.checkpoints.store import conversion  # noqa: PLC0415  # slow import: torch

    conversion.convert(
        path,
        contents,
        folder,
        prediction=prediction,
        clip=clip,
        t5=tokenizers.find_t5(options.vocabulary, root),
    )


@contextmanager
def _aside(root: Path, id: str) -> Iterator[Path]:
    """Yield a temporary folder on the same disk; the caller renames it, or it is deleted."""
    folder = root / ASIDE / f"{id}.{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
