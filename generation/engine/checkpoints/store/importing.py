"""Import of a local checkpoint: a folder in the layout of diffusers, or a single file."""

import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from generation.engine.checkpoints.checkpoint import Checkpoint
from generation.engine.checkpoints.store import (
    brought_parts,
    descriptor,
    file_forms,
    file_import,
    folder_import,
    manifest,
    recognition,
    sampling_defaults,
    structure,
)
from generation.engine.checkpoints.store.downloads import DOWNLOADS
from generation.engine.checkpoints.store.file_import import Vocabularies
from generation.engine.checkpoints.store.manifest import Manifest
from generation.engine.checkpoints.store.sampling_defaults import SamplingOptions
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family

ASIDE = ".adding"
Say = Callable[[str], object]

_WANTS_DEPTH = (
    "It has no depth estimator: every job for it needs a depth map. To have depth estimated, use "
    "`checkpoints fetch sd-2.0-depth`, or a folder that has one."
)


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """The operator's choices; empty ones are detected from the checkpoint.

    `vocabulary` is a folder with CLIP's vocabulary, for single files. `vae` and `text_encoders` are paths of
    parts that the checkpoint lacks, or shall have instead of its own. `links` makes symbolic links to a
    folder's files instead of copies.
    """

    id: str = ""
    name: str = ""
    family: Family | None = None
    prediction: str | None = None
    vocabulary: Path | None = None
    vae: Path | None = None
    text_encoders: tuple[Path, ...] = ()
    license: str = ""
    links: bool = False
    sampling: SamplingOptions = field(default_factory=SamplingOptions)


def add(path: Path, options: ImportOptions, *, root: Path, say: Say = lambda _: None) -> Checkpoint:
    """Add the checkpoint to the model store; return its catalogue entry.

    `say` gets what the operator should know of it. Raises Unusable.
    """
    path = path.expanduser().absolute()
    if reason := file_forms.reason_by_name(path):
        raise Unusable(reason)
    if not path.exists():
        raise Unusable(f"There is no {path}.")
    id = options.id or _id_from(path)
    _require_free(id, root)
    with _aside(root, id) as folder:
        _take(path, folder, options, root=root, say=say)
        checkpoint = recognition.recognize(
            folder, id=id, name=options.name or path.stem, family=options.family
        )
        checkpoint = sampling_defaults.apply(
            replace(checkpoint, license=options.license),
            folder,
            names=(path.stem, options.name, options.id),
            options=options.sampling,
        )
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
    added = descriptor.read(root / id)
    if added.wants_depth:
        say(_WANTS_DEPTH)
    return added


def _take(path: Path, folder: Path, options: ImportOptions, *, root: Path, say: Say) -> None:
    """Write the checkpoint's parts into the empty folder. Raises Unusable."""
    vocabularies = Vocabularies(given=options.vocabulary, root=root)
    if not path.is_dir():
        file_import.take(
            path,
            folder,
            family=options.family,
            prediction=options.prediction,
            vae=options.vae,
            text_encoders=options.text_encoders,
            vocabularies=vocabularies,
            say=say,
        )
        return
    folder_import.require_known(path)
    family = options.family or recognition.family_of(path)
    brought = brought_parts.find(
        vae=options.vae, text_encoders=options.text_encoders, family=family
    )
    if doubt := brought_parts.doubt_about(brought, family):
        say(doubt)
    folder_import.take(path, folder, links=options.links, brought=brought)
    if brought:
        file_import.write_parts(brought, folder, vocabularies)
        folder_import.add_to_index(folder, brought)
    folder_import.require_parts(folder, family)


def _id_from(path: Path) -> str:
    """Derive an id from a file name: lower-case letters, digits, dots and hyphens. Raises Unusable."""
    stem = path.stem if path.is_file() else path.name
    # Letters lose their accents rather than vanish.
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    if id := re.sub(r"[^a-z0-9.]+", "-", plain.lower()).strip("-.")[:63]:
        return id
    raise Unusable(
        f"No id can be made of the name {path.name!r}: choose one with --id, of small letters, digits, dots and "
        "hyphens. --name says what people see."
    )


def _require_free(id: str, root: Path) -> None:
    if not descriptor.is_id(id):
        raise Unusable(
            f"{id!r} cannot be an id: choose one with --id, of small letters, digits, dots and hyphens."
        )
    if id in DOWNLOADS or id == "sketchbook":
        raise Unusable(f"{id} is the id of a listed checkpoint: choose another with --id.")
    if (root / id).exists():
        raise Unusable(f"{id} is installed already: remove it first, or choose another --id.")


@contextmanager
def _aside(root: Path, id: str) -> Iterator[Path]:
    """Yield a temporary folder on the same disk; the caller renames it, or it is deleted."""
    folder = root / ASIDE / f"{id}.{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
