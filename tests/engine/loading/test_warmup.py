"""Warm-up works with every checkpoint and harms none."""

from pathlib import Path

import pytest
import torch

from generation.engine.checkpoints import catalogue
from generation.engine.diffusion.families.pipeline import Pipeline
from generation.engine.loading.loader import Loader
from generation.engine.loading.warmup import warm_up
from tests.engine.loading.test_loader import load
from tests.engine.toy_checkpoints import TOYS


@pytest.fixture
def pipeline(checkpoint_root: Path, id: str) -> Pipeline:
    loader = Loader(checkpoint_root)
    pipeline = load(loader, id).pipeline
    loader.close()
    return pipeline


@pytest.mark.parametrize("id", TOYS)
def test_one_row_and_several_are_taken_and_one_picture_and_several_made(
    pipeline: Pipeline, id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes, pictures = [], []
    denoise, decode = pipeline.denoise, pipeline.decode
    monkeypatch.setattr(
        pipeline,
        "denoise",
        lambda runs: passes.append([run.request.rows for run in runs]) or denoise(runs),
    )
    monkeypatch.setattr(
        pipeline, "decode", lambda latents: pictures.append(latents.shape) or decode(latents)
    )

    warm_up(pipeline, catalogue.get(id))

    tiles = passes[0][0]
    # A model that reads the guidance scale takes one pass, guided or not.
    guided = tiles if catalogue.get(id).embeds_guidance else 2 * tiles
    assert passes[:2] == [[tiles], [guided]]
    assert [shape[0] for shape in pictures] == [1, 2]
    assert all(shape[2] != shape[3] for shape in pictures)


@pytest.mark.parametrize("id", ["toy"])
def test_without_room_it_is_left_out(
    pipeline: Pipeline, id: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def too_much(_runs: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(pipeline, "denoise", too_much)

    warm_up(pipeline, catalogue.get(id))

    assert "toy was not warmed up" in caplog.text
