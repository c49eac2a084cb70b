"""The catalogue agrees with itself and with the bundled checkpoint."""

import json
from pathlib import Path
from typing import Any

import pytest

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.catalogue import CHECKPOINTS, Checkpoint, UnknownCheckpoint
from generation.engine.enums import NoiseScheduler
from tests.engine.cases import digest
from tests.engine.driving import a_request

BUNDLED = catalogue.folder(CHECKPOINTS["sketchbook"], None)


def config(part: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((BUNDLED / part / "config.json").read_text())
    return content


def test_an_unknown_checkpoint_is_named_in_the_error() -> None:
    with pytest.raises(UnknownCheckpoint, match="nobody's"):
        catalogue.get("nobody's")


@pytest.mark.parametrize("checkpoint", CHECKPOINTS.values(), ids=lambda checkpoint: checkpoint.id)
def test_the_defaults_make_a_valid_request(checkpoint: Checkpoint) -> None:
    for side in (checkpoint.native_size, checkpoint.min_size, checkpoint.max_size):
        a_request(
            checkpoint=checkpoint.id,
            mode=checkpoint.first_mode,
            **{name: digest(name) for name in checkpoint.first_mode.pictures},
            width=side,
            height=side,
            num_inference_steps=checkpoint.num_inference_steps,
            guidance_scale=checkpoint.guidance_scale,
            noise_scheduler=NoiseScheduler(checkpoint.noise_scheduler),
        )


def test_the_bundled_checkpoint_is_present_without_a_folder_of_fetched_ones() -> None:
    assert catalogue.is_present(CHECKPOINTS["sketchbook"], root=None)
    assert not catalogue.is_present(CHECKPOINTS["sd-1.5"], root=None)


def test_a_fetched_checkpoint_is_present_once_its_index_is_there(tmp_path: Path) -> None:
    checkpoint = CHECKPOINTS["sd-1.5"]
    assert not catalogue.is_present(checkpoint, root=tmp_path)

    (tmp_path / "sd-1.5").mkdir()
    (tmp_path / "sd-1.5" / "model_index.json").touch()

    assert catalogue.is_present(checkpoint, root=tmp_path)


def test_the_entry_of_the_bundled_checkpoint_fits_its_weights() -> None:
    unet, vae = config("unet"), config("vae")
    vae_factor = 2 ** (len(vae["block_out_channels"]) - 1)

    assert CHECKPOINTS["sketchbook"].native_size == unet["sample_size"] * vae_factor
    # The unet rounds odd sizes up when it halves them, and crops when it doubles them.
    assert CHECKPOINTS["sketchbook"].multiple % vae_factor == 0
