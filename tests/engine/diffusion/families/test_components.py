"""The denoiser's weights may be read while the other parts of a checkpoint are."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from generation.engine.checkpoints import catalogue
from generation.engine.diffusion.families import pipeline_class
from generation.engine.diffusion.families.components import Components, num_bytes, read_ahead
from generation.engine.diffusion.families.sd import StableDiffusion
from generation.engine.diffusion.families.vae import Vae

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


def test_only_components_with_a_folder_are_there(checkpoint_root: Path) -> None:
    components = components_of(checkpoint_root / "toy-xl-refiner")

    assert components.has("text_encoder_2")
    assert not components.has("text_encoder")
    assert not components.has("model_index.json")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_every_component_has_the_checkpoints_precision(
    checkpoint_root: Path, dtype: torch.dtype
) -> None:
    before = torch.get_default_dtype()
    components = Components(folder=checkpoint_root / "toy", device=CPU, dtype=dtype)

    pipeline = StableDiffusion.load(catalogue.get("toy"), components)

    # The VAE may stay in single precision: see the test of one that overflows.
    models = (pipeline.denoiser, pipeline.text.model)
    assert {tensor.dtype for model in models for tensor in model.parameters()} == {dtype}
    assert not any(model.training for model in models)
    assert torch.get_default_dtype() is before


def test_a_component_can_have_a_precision_of_its_own(checkpoint_root: Path) -> None:
    components = Components(folder=checkpoint_root / "toy", device=CPU, dtype=torch.float16)

    model = components.diffusers_model(AutoencoderKL, "vae", dtype=torch.float32)

    assert model.dtype is torch.float32


def test_a_vae_that_overflows_stays_in_single_precision(
    checkpoint_root: Path, tmp_path: Path
) -> None:
    shutil.copytree(checkpoint_root / "toy" / "vae", tmp_path / "vae")
    config = json.loads((tmp_path / "vae" / "config.json").read_text())

    def dtype_of(*, force_upcast: bool, dtype: torch.dtype) -> torch.dtype:
        text = json.dumps({**config, "force_upcast": force_upcast})
        (tmp_path / "vae" / "config.json").write_text(text)
        return Vae.load(Components(folder=tmp_path, device=CPU, dtype=dtype)).module.dtype

    assert dtype_of(force_upcast=True, dtype=torch.float16) is torch.float32
    assert dtype_of(force_upcast=False, dtype=torch.float16) is torch.float16
    assert dtype_of(force_upcast=True, dtype=torch.bfloat16) is torch.bfloat16


def test_weights_of_another_model_are_an_error(checkpoint_root: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoint_root / "toy" / "unet", tmp_path / "unet")
    other = checkpoint_root / "toy-inpaint" / "unet"
    shutil.copy(other / "config.json", tmp_path / "unet" / "config.json")

    with pytest.raises(RuntimeError, match="size mismatch for conv_in"):
        components_of(tmp_path).denoiser(UNet2DConditionModel, "unet")


def test_parameters_and_constants_count_by_their_precision() -> None:
    norm = torch.nn.BatchNorm1d(8)
    # Weight, bias, running mean and variance in single precision, and a count of 8 bytes.
    assert num_bytes(norm) == 4 * 8 * 4 + 8
    assert num_bytes(torch.nn.Linear(3, 5).half(), None) == 2 * (15 + 5)
    assert num_bytes() == num_bytes(None) == 0
