"""Fake installed checkpoints: files of the sizes that their manifest names."""

from pathlib import Path

from generation.engine.checkpoints.store import descriptor, manifest
from generation.engine.checkpoints.store.files import write_json
from generation.engine.checkpoints.store.manifest import Manifest
from generation.engine.checkpoints.store.structure import INDEX

WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


def put(root: Path, id: str) -> Path:
    """Install a checkpoint that passes the check of sizes; return its folder."""
    folder = root / id
    (folder / WEIGHTS).parent.mkdir(parents=True)
    (folder / WEIGHTS).write_bytes(b"weights")
    (folder / INDEX).write_text("{}")
    files = manifest.checksums(folder, [INDEX, WEIGHTS])
    manifest.write(Manifest(source="somewhere", files=files), folder)
    return folder


def put_own(root: Path, id: str, **description: object) -> Path:
    """Install an operator's own checkpoint; return its folder."""
    folder = put(root, id)
    write_json(folder / descriptor.NAME, {"family": "sd1", **description})
    return folder


def damage(folder: Path) -> None:
    """Truncate the weights."""
    (folder / WEIGHTS).write_bytes(b"we")
