"""Checkpoints on a shelf as far as a page looks at them: files of the recorded sizes."""

from pathlib import Path

from generation.engine.checkpoints.store import descriptor, manifest
from generation.engine.checkpoints.store.files import write_json
from generation.engine.checkpoints.store.manifest import Record
from generation.engine.checkpoints.store.structure import INDEX

WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


def put(root: Path, id: str) -> Path:
    """Put a checkpoint there that seems whole; returns its folder."""
    folder = root / id
    (folder / WEIGHTS).parent.mkdir(parents=True)
    (folder / WEIGHTS).write_bytes(b"weights")
    (folder / INDEX).write_text("{}")
    files = manifest.take(folder, [INDEX, WEIGHTS])
    manifest.write(Record(source="somewhere", files=files), folder)
    return folder


def put_own(root: Path, id: str, **description: object) -> Path:
    """Put one there that is the operator's own."""
    folder = put(root, id)
    write_json(folder / descriptor.NAME, {"family": "sd1", **description})
    return folder


def damage(folder: Path) -> None:
    """Cut the weights off."""
    (folder / WEIGHTS).write_bytes(b"we")
