"""Pixels become latents and pixels again, in the scale of the checkpoint."""

import numpy as np
import pytest
import torch
from PIL import Image

from generation.engine.diffusion.families.vae import Vae
from tests.engine import toy_checkpoints

OUT_OF_MEMORY = torch.OutOfMemoryError("CUDA out of memory")


@pytest.fixture
def vae() -> Vae:
    torch.manual_seed(0)
    return Vae(toy_checkpoints._vae(scaling_factor=0.5, shift_factor=0.25).eval())


@pytest.fixture
def pixels() -> torch.Tensor:
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_an_image_becomes_pixels_of_the_size_asked_for(vae: Vae) -> None:
    image = Image.new("RGB", (10, 20), (0, 255, 0))

    pixels = vae.pixels(image, width=16, height=8)

    assert pixels.shape == (1, 3, 8, 16)
    assert pixels[0, :, 0, 0].tolist() == [-1, 1, -1]


def test_a_mask_is_black_or_white(vae: Vae) -> None:
    image = Image.fromarray(np.array([[0, 100, 160, 255]], dtype=np.uint8)).resize((4, 2))

    mask = vae.mask(image, width=4, height=2)

    assert mask.shape == (1, 1, 2, 4)
    assert mask[0, 0, 0].tolist() == [0, 0, 1, 1]


@torch.inference_mode()
def test_latents_have_the_checkpoints_scale_and_shift(vae: Vae, pixels: torch.Tensor) -> None:
    raw = vae.module.encode(pixels).latent_dist.mode()

    latents = vae.encode(pixels)

    assert latents.shape == (2, 4, 8, 8)
    assert torch.allclose(latents, (raw - 0.25) * 0.5)


@torch.inference_mode()
def test_decoding_undoes_scale_and_shift(vae: Vae, pixels: torch.Tensor) -> None:
    latents = vae.encode(pixels)
    raw = vae.module.decode(latents / 0.5 + 0.25, return_dict=False)[0]

    decoded = vae.decode(latents, release_memory=lambda: None)

    assert torch.allclose(decoded, raw / 2 + 0.5)


@torch.inference_mode()
def test_a_seed_gives_the_same_sample_and_none_the_mode(vae: Vae, pixels: torch.Tensor) -> None:
    def sample(seed: int) -> torch.Tensor:
        return vae.encode(pixels, torch.Generator().manual_seed(seed))

    assert torch.equal(sample(1), sample(1))
    assert not torch.equal(sample(1), sample(2))
    assert torch.equal(vae.encode(pixels), vae.encode(pixels))


@torch.inference_mode()
def test_a_deterministic_vae_leaves_the_generator_alone(pixels: torch.Tensor) -> None:
    vae = Vae(toy_checkpoints._tiny_vae().eval())
    generator = torch.Generator().manual_seed(1)
    before = generator.get_state()

    latents = vae.encode(pixels, generator)

    assert not vae.samples
    assert torch.equal(latents, vae.encode(pixels))
    assert torch.equal(generator.get_state(), before)


@torch.inference_mode()
def test_memory_is_released_before_the_images_are_decoded_one_by_one(
    vae: Vae, pixels: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = vae.encode(pixels)
    whole = vae.decode(latents, release_memory=lambda: None)
    decode, calls = vae._decode, []

    def one_at_a_time(some: torch.Tensor) -> torch.Tensor:
        calls.append(len(some))
        if len(some) > 1:
            raise OUT_OF_MEMORY
        return decode(some)

    monkeypatch.setattr(vae, "_decode", one_at_a_time)

    tiled = vae.decode(latents, release_memory=lambda: calls.append(0))

    assert calls == [2, 0, 1, 1]
    assert torch.allclose(tiled, whole, atol=1e-5)


@torch.inference_mode()
def test_an_image_that_never_fits_is_the_callers_error_and_tiling_ends(
    vae: Vae, pixels: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = vae.encode(pixels)

    def never(_latents: torch.Tensor) -> torch.Tensor:
        raise OUT_OF_MEMORY

    monkeypatch.setattr(vae, "_decode", never)

    with pytest.raises(torch.OutOfMemoryError):
        vae.decode(latents, release_memory=lambda: None)

    assert not vae.module.use_tiling
