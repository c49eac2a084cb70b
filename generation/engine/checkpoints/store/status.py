"""Whether a checkpoint can be used, told without reading it; what `verify` found is kept beside it."""

from collections.abc import Sequence
from pathlib import Path

from generation.engine.checkpoints.store import manifest, structure
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family

# What was found wrong when every byte was read; as long as it is there, nobody uses the checkpoint.
FAULTS = "faults.txt"


def problem_in(folder: Path, family: Family | None) -> str:
    """Return the first thing that is wrong with a checkpoint's folder; nothing if all seems well."""
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
    """Keep what reading every byte has found, or that it has found nothing."""
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
