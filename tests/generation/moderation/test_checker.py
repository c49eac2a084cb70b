"""The safety checker follows its files, and stays in use while they are away."""

import shutil

import pytest
from PIL import Image, ImageOps

from generation import moderation
from generation.engine.checkpoints.store.downloads import SAFETY_CHECKER
from tests.engine import checker

FORBIDDEN = checker.FORBIDDEN
OTHER = ImageOps.invert(ImageOps.mirror(FORBIDDEN))


@pytest.fixture(autouse=True)
def folder(settings, tmp_path, monkeypatch):
    settings.CHECKPOINTS_DIR = tmp_path
    monkeypatch.setattr(moderation, "_loaded", {})
    checker.write(tmp_path / SAFETY_CHECKER.id)
    return tmp_path / SAFETY_CHECKER.id


def blocks(image: Image.Image) -> bool:
    verdict = moderation.check([image])
    assert verdict is not None
    return verdict.is_blocked


def test_a_replaced_checker_is_loaded_anew(folder):
    assert (blocks(FORBIDDEN), blocks(OTHER)) == (True, False)

    shutil.rmtree(folder)
    checker.write(folder, forbidden=OTHER)

    assert (blocks(FORBIDDEN), blocks(OTHER)) == (False, True)


def test_an_unchanged_checker_is_loaded_once(monkeypatch):
    blocks(FORBIDDEN)
    loaded = dict(moderation._loaded)

    blocks(OTHER)

    assert moderation._loaded == loaded


@pytest.mark.parametrize("lost", ["", "safety_checker/model.safetensors"])
def test_a_loaded_checker_serves_while_its_files_are_away(folder, lost):
    assert blocks(FORBIDDEN)

    if lost:
        (folder / lost).unlink()
    else:
        shutil.rmtree(folder)

    assert blocks(FORBIDDEN)


def test_a_checker_that_was_never_here_checks_nothing(folder):
    shutil.rmtree(folder)

    assert moderation.check([FORBIDDEN]) is None
