"""A checkpoint's identity changes with its files, and with nothing else."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from generation.engine.checkpoints.store import identity, status

WEIGHTS = "unet/model.safetensors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    (folder / WEIGHTS).parent.mkdir(parents=True)
    (folder / WEIGHTS).write_bytes(b"weights")
    (folder / "model_index.json").write_text("{}")
    return folder


def rewrite(folder: Path) -> None:
    """Same name and size, other content and a later time."""
    path = folder / WEIGHTS
    changed_at = path.stat().st_mtime_ns
    while path.stat().st_mtime_ns == changed_at:
        path.write_bytes(b"another")


def lengthen(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"longer weights")


def add(folder: Path) -> None:
    (folder / "checkpoint.json").write_text("{}")


def remove(folder: Path) -> None:
    (folder / "model_index.json").unlink()


@pytest.mark.parametrize(
    "change", [rewrite, lengthen, add, remove], ids=lambda change: change.__name__
)
def test_it_changes_with_a_file(folder: Path, change: Callable[[Path], None]) -> None:
    before = identity.of_folder(folder)

    change(folder)

    assert identity.of_folder(folder) != before != ""


def test_it_stays_while_nothing_changes(folder: Path) -> None:
    before = identity.of_folder(folder)

    (folder / WEIGHTS).read_bytes()
    status.note(folder, ["It is damaged."])
    moved = folder.rename(folder.with_name("elsewhere"))

    assert identity.of_folder(moved) == before


def test_a_link_is_the_file_that_it_leads_to(folder: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    (linked / "unet").mkdir(parents=True)
    (linked / WEIGHTS).symlink_to(folder / WEIGHTS)
    before = identity.of_folder(linked)

    lengthen(folder)

    assert identity.of_folder(linked) != before


def test_what_is_not_there_has_none(folder: Path) -> None:
    shutil.rmtree(folder)

    assert identity.of_folder(folder) == ""
