"""Quick check of an installed checkpoint, and the stored result of its last full verification."""

from collections.abc import Sequence
from pathlib import Path

from generation.engine.checkpoints.store import manifest, structure
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family

# Exists after a full verification with faults; the checkpoint is not used while it does.
FAULTS = "faults.txt"


def problem_in(folder: Path, family: Family | None) -> str:
    """Return the first problem of a checkpoint's folder, or an empty string. Reads no weights."""
    try:
        if found := _found_before(folder):
            return found
        if known := manifest.read(folder):
            return next(manifest.faults_of_size(known, folder), "")
        structure.require(folder, family)
    except (Unusable, OSError, ValueError) as error:
        return str(error)
    return ""


def note(folder: Path, faults: Sequence[str]) -> None:
    """Store the faults of a full verification; no faults clear the earlier ones."""
    if faults:
        (folder / FAULTS).write_text("\n".join(faults) + "\n")
    else:
        (folder / FAULTS).unlink(missing_ok=True)


def _found_before(folder: Path) -> str:
    try:
        lines = (folder / FAULTS).read_text().splitlines()
    except FileNotFoundError:
        return ""
    return lines[0] if lines else "It was found to be damaged."
