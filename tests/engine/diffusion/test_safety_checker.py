"""Pictures are compared with what should not be shown, by the real classes with small weights."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from generation.engine.checkpoints.store import structure
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.diffusion.safety_checker import SafetyChecker
from tests.engine import checker

INNOCENT = Image.new("RGB", (64, 64), "teal")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("safety-checker")
    checker.write(folder)
    return folder


def test_only_the_forbidden_picture_is_flagged(folder: Path) -> None:
    flagged = SafetyChecker.load(folder).flagged([INNOCENT, checker.FORBIDDEN, INNOCENT])

    assert flagged == [False, True, False]


def test_the_same_picture_is_flagged_at_another_size(folder: Path) -> None:
    larger = checker.FORBIDDEN.resize((256, 256))

    assert SafetyChecker.load(folder).flagged([larger]) == [True]


def test_weights_with_the_names_that_were_published_are_read(folder: Path, tmp_path: Path) -> None:
    checker.write(tmp_path)
    path = tmp_path / "safety_checker" / "model.safetensors"
    published = {
        name.replace("vision_model.", "vision_model.vision_model.", 1): tensor
        for name, tensor in load_file(path).items()
    }
    published["vision_model.vision_model.embeddings.position_ids"] = torch.arange(17)[None]
    save_file(published, path, metadata={"format": "pt"})

    assert SafetyChecker.load(tmp_path).flagged([checker.FORBIDDEN]) == [True]


def test_weights_that_do_not_fit_are_an_error(tmp_path: Path) -> None:
    checker.write(tmp_path)
    path = tmp_path / "safety_checker" / "model.safetensors"
    weights = load_file(path)
    del weights["visual_projection.weight"]
    save_file(weights, path, metadata={"format": "pt"})

    with pytest.raises(Unusable, match="cannot be loaded"):
        SafetyChecker.load(tmp_path)


def test_its_folder_has_the_structure_that_the_shelf_wants(folder: Path) -> None:
    assert structure.require(folder, None)["safety_checker"] > 0
