"""The quick check of a checkpoint, and the stored faults of its last verification."""

import json
import shutil
from pathlib import Path

import pytest

from generation.engine.checkpoints.store import status
from generation.engine.enums import Family
from tests.generation import installed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return installed.put(tmp_path, "mine")


def problem(folder: Path) -> str:
    return status.problem_in(folder, Family.SD1)


def test_a_checkpoint_with_all_its_files_has_no_problem(folder: Path) -> None:
    assert problem(folder) == ""


def test_a_file_of_another_size_is_a_problem(folder: Path) -> None:
    installed.damage(folder)

    assert problem(folder) == f"{installed.WEIGHTS} has 2 bytes instead of 7."


def test_a_missing_file_is_a_problem(folder: Path) -> None:
    (folder / installed.WEIGHTS).unlink()

    assert problem(folder) == f"{installed.WEIGHTS} is missing."


def test_the_first_fault_of_a_verification_stays_until_one_finds_none(folder: Path) -> None:
    status.note(folder, ["The unet is damaged.", "The vae is damaged."])
    assert problem(folder) == "The unet is damaged."

    status.note(folder, [])
    assert problem(folder) == ""
    status.note(folder, [])


def test_an_empty_list_of_faults_still_counts_as_damage(folder: Path) -> None:
    (folder / status.FAULTS).write_text("")

    assert problem(folder) == "It was found to be damaged."


def test_without_a_manifest_the_structure_is_checked(folder: Path) -> None:
    (folder / "record.json").unlink()

    assert "no noise scheduler" in problem(folder)


def test_a_depth_estimator_that_the_index_names_must_be_there(
    checkpoint_root: Path, tmp_path: Path
) -> None:
    shutil.copytree(checkpoint_root / "toy-depth", tmp_path / "toy-depth")
    assert status.problem_in(tmp_path / "toy-depth", Family.SD2) == ""

    shutil.rmtree(tmp_path / "toy-depth" / "depth_estimator")

    assert "has no depth_estimator" in status.problem_in(tmp_path / "toy-depth", Family.SD2)


@pytest.mark.parametrize(
    ("named", "is_named"), [(True, True), ("deep", True), ([], False), ([None, None], False)]
)
def test_an_index_may_name_a_depth_estimator_oddly(
    checkpoint_root: Path, tmp_path: Path, named: object, is_named: bool
) -> None:
    folder = tmp_path / "toy-depth"
    shutil.copytree(checkpoint_root / "toy-depth", folder)
    shutil.rmtree(folder / "depth_estimator")
    (folder / "model_index.json").write_text(json.dumps({"depth_estimator": named}))

    assert ("has no depth_estimator" in status.problem_in(folder, Family.SD2)) is is_named
