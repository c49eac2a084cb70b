"""The catalogue of checkpoints by id, and their availability on this machine.

It joins the built-in list with the operator's own checkpoints. Their descriptors lie beside their
weights, in the folder that `set_root` names; the catalogue picks up a new one at once.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from generation.engine.checkpoints.builtin import CHECKPOINTS as LISTED
from generation.engine.checkpoints.checkpoint import Checkpoint
from generation.engine.checkpoints.store import descriptor, status

__all__ = [
    "CHECKPOINTS",
    "Checkpoint",
    "UnknownCheckpoint",
    "folder",
    "get",
    "is_available",
    "is_present",
    "problem_with",
    "set_root",
]

logger = logging.getLogger(__name__)

_PACKAGE = Path(__file__).parent.parent
# The folder is not read again for so long: every request looks up several checkpoints.
FRESH_SECONDS = 1.0


class UnknownCheckpoint(LookupError):
    """The catalogue has no checkpoint of this id."""

    def __init__(self, id: str) -> None:
        super().__init__(f"There is no checkpoint called {id!r}.")
        self.id = id


class Catalogue(Mapping[str, Checkpoint]):
    """Checkpoints by id: the built-in ones, then the operator's own in order. Thread-safe."""

    def __init__(self, listed: Iterable[Checkpoint]) -> None:
        self.root: Callable[[], Path | None] = lambda: None
        self._listed = {each.id: each for each in listed}
        self._seen: tuple[Path | None, float, dict[str, Checkpoint]] = (None, 0.0, self._listed)
        self._complaints: frozenset[str] = frozenset()

    def __getitem__(self, id: str) -> Checkpoint:
        return self._all()[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, Checkpoint]:
        root, now = self.root(), time.monotonic()
        seen_root, seen_at, seen = self._seen
        if root == seen_root and now - seen_at < FRESH_SECONDS:
            return seen
        seen = self._listed | self._own(root)
        self._seen = (root, now, seen)
        return seen

    def _own(self, root: Path | None) -> dict[str, Checkpoint]:
        """Return the operator's own; log each unreadable descriptor once, and omit it."""
        if root is None or not root.is_dir():
            return {}
        own, complaints = {}, set()
        for path in sorted(root.glob(f"*/{descriptor.NAME}")):
            id = path.parent.name
            if id in self._listed or id.startswith("."):
                continue
            try:
                own[id] = descriptor.read(path.parent)
            except descriptor.InvalidDescriptor as error:
                complaints.add(str(error))
        for complaint in complaints - self._complaints:
            logger.warning("%s", complaint)
        self._complaints = frozenset(complaints)
        return own


CHECKPOINTS: Mapping[str, Checkpoint] = Catalogue(LISTED)


def set_root(root: Callable[[], Path | None]) -> None:
    """Set the callable that returns the folder of the operator's own checkpoints."""
    assert isinstance(CHECKPOINTS, Catalogue)
    CHECKPOINTS.root = root


def get(id: str) -> Checkpoint:
    """Return the checkpoint of this id. Raises UnknownCheckpoint."""
    try:
        return CHECKPOINTS[id]
    except KeyError:
        raise UnknownCheckpoint(id) from None


def folder(checkpoint: Checkpoint, root: Path | None) -> Path:
    """Return the folder for the weights, present or not; `root` holds the downloaded ones.

    Raises ValueError if `root` is needed and None.
    """
    if checkpoint.is_bundled:
        return _PACKAGE / checkpoint.source
    if root is None:
        raise ValueError(f"{checkpoint.name} needs a checkpoint folder, and none is configured.")
    return root / checkpoint.id


def is_present(checkpoint: Checkpoint, *, root: Path | None) -> bool:
    """Return True if the checkpoint's folder exists; `problem_with` checks its content."""
    if root is None and not checkpoint.is_bundled:
        return False
    return (folder(checkpoint, root) / "model_index.json").is_file()


def is_available(checkpoint: Checkpoint, *, root: Path | None) -> bool:
    """Return True if the checkpoint is present and has no known problem."""
    return is_present(checkpoint, root=root) and not problem_with(checkpoint, root=root)


def problem_with(checkpoint: Checkpoint, *, root: Path | None) -> str:
    """Return a present checkpoint's problem in words for the operator, or an empty string.

    Reads sizes and headers only, so it is fast enough for a page.
    """
    return status.problem_in(folder(checkpoint, root), checkpoint.family)
