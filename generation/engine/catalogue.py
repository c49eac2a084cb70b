"""The checkpoints that can be asked for, looked up by id, and which of them are here."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from generation.engine.checkpoint import Checkpoint
from generation.engine.listing import CHECKPOINTS as LISTED
from generation.engine.vocabulary import Family, Mode

__all__ = [
    "CHECKPOINTS",
    "Checkpoint",
    "Family",
    "Mode",
    "UnknownCheckpoint",
    "folder",
    "get",
    "is_present",
]

_PACKAGE = Path(__file__).parent

CHECKPOINTS: Mapping[str, Checkpoint] = MappingProxyType({each.id: each for each in LISTED})


class UnknownCheckpoint(LookupError):
    """No checkpoint of this id is in the catalogue."""

    def __init__(self, id: str) -> None:
        super().__init__(f"There is no checkpoint called {id!r}.")
        self.id = id


def get(id: str) -> Checkpoint:
    """Return the checkpoint of this id; raise UnknownCheckpoint where there is none."""
    try:
        return CHECKPOINTS[id]
    except KeyError:
        raise UnknownCheckpoint(id) from None


def folder(checkpoint: Checkpoint, root: Path | None) -> Path:
    """Return the folder that holds the weights, or would; `root` has the fetched checkpoints."""
    if checkpoint.is_bundled:
        return _PACKAGE / checkpoint.source
    if root is None:
        raise ValueError(f"{checkpoint.name} needs a checkpoint folder, and none is configured.")
    return root / checkpoint.id


def is_present(checkpoint: Checkpoint, *, root: Path | None) -> bool:
    """Say whether the checkpoint's folder is there; loading it checks the rest."""
    if root is None and not checkpoint.is_bundled:
        return False
    return (folder(checkpoint, root) / "model_index.json").is_file()
