"""Configurations of noise schedulers: as published, and mended where an earlier release wrote them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from generation.engine.checkpoints.store import scheduler_configs
from generation.engine.checkpoints.store.inspection import Contents
from generation.engine.checkpoints.store.weights import TensorInfo
from generation.engine.enums import Family
from tests.engine import published_schedules

# As the release before wrote it for a single file.
OLD_SDXL: Mapping[str, Any] = {
    "_class_name": "EulerDiscreteScheduler",
    "num_train_timesteps": 1000,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "prediction_type": "epsilon",
    "rescale_betas_zero_snr": False,
}


def contents(family: Family, *names: str) -> Contents:
    tensors = {name: TensorInfo("F16", (1,)) for name in names}
    return Contents(family=family, tensors=tensors, vae="vae.", encoders=())


def written(folder: Path, config: Any) -> Path:
    path = folder / scheduler_configs.PATH
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("family", "prediction", "published"),
    [
        (Family.SD1, "epsilon", {**published_schedules.SD1, "prediction_type": "epsilon"}),
        (Family.SD2, "epsilon", published_schedules.SD2_BASE),
        (Family.SD2, "v_prediction", published_schedules.SD2),
        (Family.SDXL, "epsilon", published_schedules.SDXL),
        (Family.SD3, "epsilon", published_schedules.SD3),
    ],
)
def test_a_file_gets_the_configuration_that_its_family_is_published_with(
    family: Family, prediction: str, published: Mapping[str, Any]
) -> None:
    assert scheduler_configs.inferred(contents(family), prediction) == published


def test_a_mark_for_zero_snr_is_kept() -> None:
    config = scheduler_configs.inferred(contents(Family.SDXL, "v_pred", "ztsnr"), "v_prediction")

    assert config["rescale_betas_zero_snr"] is True
    assert config["clip_sample"] is False


def test_what_an_earlier_release_left_out_is_added_when_it_is_read(tmp_path: Path) -> None:
    mended = scheduler_configs.read(written(tmp_path, OLD_SDXL))

    assert mended == {**OLD_SDXL, "clip_sample": False, "set_alpha_to_one": False}


@pytest.mark.parametrize(
    "config",
    [
        {**OLD_SDXL, "_diffusers_version": "0.30.0"},
        {**OLD_SDXL, "clip_sample": True},
        published_schedules.SD3,
    ],
)
def test_the_configurations_of_others_stay_as_they_are(
    tmp_path: Path, config: Mapping[str, Any]
) -> None:
    assert scheduler_configs.read(written(tmp_path, config)) == config
