"""The denoiser's weights may be read while the other parts of a checkpoint are."""

from pathlib import Path

import pytest
import torch

from generation.engine.checkpoints import catalogue
from generation.engine.diffusion.families import pipeline_class
from generation.engine.diffusion.families.components import Components, read_ahead

CPU = torch.device("cpu")


def components_of(folder: Path) -> Components:
    return Components(folder=folder, device=CPU, dtype=torch.float32)


@pytest.mark.parametrize("id", ["toy", "toy-xl", "toy-sd3"])
def test_a_checkpoint_read_ahead_is_the_same(checkpoint_root: Path, id: str) -> None:
    checkpoint = catalogue.get(id)
    load = pipeline_class(checkpoint.family).load
    expected = load(checkpoint, components_of(checkpoint_root / id)).denoiser.state_dict()

    with read_ahead(components_of(checkpoint_root / id)) as components:
        denoiser = load(checkpoint, components).denoiser

    torch.testing.assert_close(denoiser.state_dict(), expected, rtol=0, atol=0)


def test_what_cannot_be_read_ahead_is_an_error_where_it_is_needed(
    checkpoint_root: Path, tmp_path: Path
) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"{")

    with read_ahead(components_of(tmp_path)) as components:
        assert components.denoiser_weights is not None

        assert "header" in str(components.denoiser_weights.exception())
