"""Few-step checkpoints bring their own steps, guidance and spacing."""

import json
from pathlib import Path
from typing import Any

import pytest

from generation.engine.checkpoints.builtin import SD1, SD3, SDXL, UPSCALER
from generation.engine.checkpoints.checkpoint import Checkpoint
from generation.engine.checkpoints.store import descriptor, sampling_defaults
from generation.engine.checkpoints.store.sampling_defaults import SamplingOptions
from generation.engine.checkpoints.store.weights import Unusable


def a_folder(root: Path, scheduler: dict[str, Any], **unet: Any) -> Path:
    for part, content in (("scheduler/scheduler_config", scheduler), ("unet/config", unet)):
        path = root / f"{part}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return root


def spacing_in(folder: Path) -> str | None:
    content = json.loads((folder / "scheduler/scheduler_config.json").read_text())
    spacing: str | None = content.get("timestep_spacing")
    return spacing


def applied(
    folder: Path, checkpoint: Checkpoint = SD1, name: str = "model", **options: Any
) -> Checkpoint:
    return sampling_defaults.apply(
        checkpoint, folder, names=(name, "", ""), options=SamplingOptions(**options)
    )


EULER = {"_class_name": "EulerDiscreteScheduler", "timestep_spacing": "leading"}


@pytest.mark.parametrize(
    ("name", "expected", "spacing"),
    [
        ("sdxl-turbo", ("euler_ancestral", 4, 1.0), "trailing"),
        ("dreamshaperXL_v2TurboDpmppSDE", ("euler_ancestral", 4, 1.0), "trailing"),
        ("sdxl_lightning_8step", ("euler", 8, 1.0), "trailing"),
        ("juggernautXL_v9Rdphoto2Lightning", ("euler", 4, 1.0), "trailing"),
        ("photon-LCM", ("lcm", 4, 1.0), "leading"),
        ("model_tcd_2steps", ("tcd", 2, 1.0), "leading"),
        ("realvis_hyper", ("ddim", 8, 1.0), "trailing"),
        ("turbocharged-hyperrealism", ("dpmpp_2m", 20, 5.0), "leading"),
        ("lcm_80steps", ("lcm", 50, 1.0), "leading"),
    ],
)
def test_a_name_says_how_it_was_distilled(
    tmp_path: Path, name: str, expected: tuple[str, int, float], spacing: str
) -> None:
    folder = a_folder(tmp_path, EULER)

    found = applied(folder, SDXL, name)

    settings = (found.noise_scheduler, found.num_inference_steps, found.guidance_scale)
    assert (settings, spacing_in(folder)) == (expected, spacing)


@pytest.mark.parametrize(
    ("name", "noise_scheduler"),
    [
        ("TURBOxl", "euler_ancestral"),
        ("turboxl_v2", "euler_ancestral"),
        ("SDXLturbo", "euler_ancestral"),
        ("dreamshaperxlturbo", "euler_ancestral"),
        ("XLlightning", "euler"),
        ("LCMdreamshaper", "lcm"),
        ("Hyper-SDXL-8steps", "ddim"),
        ("hyperSD15", "ddim"),
        ("hyper_8steps", "ddim"),
        ("dreamshaperXL_hyper_v2", "ddim"),
        ("juggernaut_8step_hyper", "ddim"),
        ("hyperRealism_v3", "dpmpp_2m"),
        ("HyperFantasy", "dpmpp_2m"),
        ("sdxl_hyperRealism", "dpmpp_2m"),
        ("hyper_sdreams", "dpmpp_2m"),
        ("TURBOCHARGED", "dpmpp_2m"),
        ("enlightning", "dpmpp_2m"),
        ("calcmap", "dpmpp_2m"),
        ("almcmX", "dpmpp_2m"),
    ],
)
def test_a_word_counts_only_where_it_is_one(
    tmp_path: Path, name: str, noise_scheduler: str
) -> None:
    assert applied(a_folder(tmp_path, EULER), SDXL, name).noise_scheduler == noise_scheduler


def test_more_steps_than_the_noise_scheduler_takes_are_refused(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, EULER)

    with pytest.raises(Unusable, match=r"--steps 60 is too many: lcm takes at most 50"):
        applied(folder, name="my-lcm", steps=60)
    assert applied(folder, name="plain", steps=60).num_inference_steps == 60


@pytest.mark.parametrize("content", ["[]", '"unet"', "{", "7"])
def test_an_earlier_descriptor_beside_a_damaged_unet_is_refused(
    tmp_path: Path, content: str
) -> None:
    folder = a_folder(tmp_path / "mine", EULER)
    (folder / "unet/config.json").write_text(content)
    (folder / "checkpoint.json").write_text(json.dumps({"family": "sd1"}))

    with pytest.raises(descriptor.InvalidDescriptor, match="cannot be read"):
        descriptor.read(folder)


@pytest.mark.parametrize(("kind", "name"), [("LCMScheduler", "lcm"), ("TCDScheduler", "tcd")])
def test_the_class_of_its_noise_scheduler_says_so(tmp_path: Path, kind: str, name: str) -> None:
    found = applied(a_folder(tmp_path, {"_class_name": kind}))

    assert (found.noise_scheduler, found.num_inference_steps, found.guidance_scale) == (name, 4, 1)
    assert found.takes_few_steps and not found.embeds_guidance


def test_a_unet_that_reads_guidance_is_a_latent_consistency_model(tmp_path: Path) -> None:
    found = applied(a_folder(tmp_path, EULER, time_cond_proj_dim=256))

    assert (found.noise_scheduler, found.guidance_scale) == ("lcm", 8.0)
    assert found.embeds_guidance


def test_the_operators_word_counts_most(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, EULER)

    found = applied(folder, name="my-turbo", steps=6, guidance=2.0, spacing="linspace")

    assert (found.num_inference_steps, found.guidance_scale) == (6, 2.0)
    assert spacing_in(folder) == "linspace"


def test_an_ordinary_checkpoint_keeps_what_its_family_has(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, EULER)

    assert applied(folder, name="landscapes-v3") == SD1
    assert spacing_in(folder) == "leading"


@pytest.mark.parametrize(
    ("option", "schedule"),
    [("use_karras_sigmas", "karras"), ("use_beta_sigmas", "beta"), ("x", "uniform")],
)
def test_sigmas_that_a_configuration_asks_for_become_the_default(
    tmp_path: Path, option: str, schedule: str
) -> None:
    assert applied(a_folder(tmp_path, {**EULER, option: True})).sigma_schedule == schedule


def test_flow_matching_and_enlarging_keep_their_schedules(tmp_path: Path) -> None:
    config = {"_class_name": "FlowMatchEulerDiscreteScheduler"}
    folder = a_folder(tmp_path, config)

    large = applied(folder, SD3, "sd3.5-large-turbo")

    assert (large.noise_scheduler, large.num_inference_steps) == ("euler", 4)
    assert spacing_in(folder) is None
    assert applied(folder, UPSCALER, "turbo-upscaler") == UPSCALER


def test_a_linked_configuration_stays_as_it_is_where_it_came_from(tmp_path: Path) -> None:
    source = a_folder(tmp_path / "source", EULER)
    folder = a_folder(tmp_path / "linked", EULER)
    (folder / "scheduler/scheduler_config.json").unlink()
    (folder / "scheduler/scheduler_config.json").symlink_to(
        source / "scheduler/scheduler_config.json"
    )

    applied(folder, name="turbo")

    assert (spacing_in(folder), spacing_in(source)) == ("trailing", "leading")


def test_a_descriptor_of_an_earlier_version_learns_of_the_guidance(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "mine", EULER, time_cond_proj_dim=256)
    (folder / "checkpoint.json").write_text(json.dumps({"family": "sd1"}))

    assert descriptor.read(folder).embeds_guidance
