"""Folders of diffusers that can't be followed are refused by the name of what is in the way."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from generation.engine.checkpoints.store import fit, folder_import, pipelines, scheduler_configs
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.enums import Family, NoiseScheduler


@pytest.mark.parametrize(
    "name",
    [
        "StableDiffusionPipeline",
        "StableDiffusionInpaintPipeline",
        "StableDiffusionDepth2ImgPipeline",
        "StableDiffusionUpscalePipeline",
        "StableDiffusionXLPipeline",
        "StableDiffusionXLImg2ImgPipeline",
        "StableDiffusionPAGPipeline",
        "StableDiffusionXLPAGPipeline",
        "StableDiffusionXLPAGInpaintPipeline",
        "StableDiffusion3Pipeline",
        "LatentConsistencyModelPipeline",
        None,
    ],
)
def test_the_pipelines_of_the_families_are_taken(name: str | None) -> None:
    pipelines.require_known({"_class_name": name} if name else {})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("FluxPipeline", "of FluxPipeline.*1, 2, XL and 3 are read"),
        ("StableDiffusionXLControlNetPipeline", "ControlNet, which would be left out"),
        ("StableDiffusionXLControlNetPAGPipeline", "ControlNet, which would be left out"),
        ("StableDiffusionInstructPix2PixPipeline", "edits by instruction"),
        ("StableUnCLIPImg2ImgPipeline", "unCLIP"),
        ("OnnxStableDiffusionPipeline", "ONNX"),
        ("FlaxStableDiffusionPipeline", "Flax"),
        (["pipeline", "MyPipeline"], "MyPipeline"),
        (7, "of 7"),
    ],
)
def test_another_pipeline_is_refused_by_name(name: object, words: str) -> None:
    with pytest.raises(Unusable, match=words):
        pipelines.require_known({"_class_name": name})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"_class_name": "UNetMotionModel"}, "UNetMotionModel"),
        ({"class_embed_type": "projection"}, "class_embed_type"),
        ({"attention_type": "gated"}, "attention_type"),
        ({"encoder_hid_dim_type": "image_proj"}, "encoder_hid_dim_type"),
        ({"addition_embed_type": "image"}, "addition_embed_type"),
    ],
)
def test_a_unet_with_other_inputs_is_refused(config: Mapping[str, Any], words: str) -> None:
    with pytest.raises(Unusable, match=words):
        pipelines.require_unet(config)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"_class_name": "AsymmetricAutoencoderKL"}, "AsymmetricAutoencoderKL.*--vae"),
        ({"_class_name": "AutoencoderKL", "latents_mean": [0.1] * 4}, "latents_mean"),
    ],
)
def test_another_vae_is_refused(config: Mapping[str, Any], words: str) -> None:
    with pytest.raises(Unusable, match=words):
        pipelines.require_vae(config)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"_class_name": "EDMEulerScheduler"}, "EDMEulerScheduler"),
        ({"_class_name": "EDMDPMSolverMultistepScheduler"}, "EDMDPMSolverMultistepScheduler"),
        ({"_class_name": "CMStochasticIterativeScheduler"}, "CMStochasticIterativeScheduler"),
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, "FlowMatchEulerDiscreteScheduler"),
        ({"_class_name": "DDIMScheduler", "prediction_type": "sample"}, "prediction_type 'sample'"),
        (
            {"_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction"},
            "flow_prediction",
        ),
        (
            {"_class_name": "EulerDiscreteScheduler", "timestep_type": "continuous"},
            "timestep_type 'continuous'",
        ),
        ({"_class_name": "DDPMScheduler", "beta_schedule": "sigmoid"}, "beta_schedule 'sigmoid'"),
    ],
)
def test_another_way_of_training_is_refused_by_name(config: dict[str, Any], words: str) -> None:
    with pytest.raises(Unusable, match=words):
        scheduler_configs.require_known(config, Family.SDXL)


@pytest.mark.parametrize("name", ["EulerDiscreteScheduler", "FlowMatchLCMScheduler"])
def test_version_3_is_trained_by_flow_matching(name: str) -> None:
    with pytest.raises(Unusable, match=name):
        scheduler_configs.require_known({"_class_name": name}, Family.SD3)


@pytest.mark.parametrize(
    "name", ["PNDMScheduler", "LMSDiscreteScheduler", "KDPM2AncestralDiscreteScheduler"]
)
def test_another_sampler_for_the_same_training_is_taken(name: str) -> None:
    scheduler_configs.require_known({"_class_name": name}, Family.SD1)


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"use_karras_sigmas": True}, NoiseScheduler.DPMPP_2M_KARRAS),
        ({"algorithm_type": "sde-dpmsolver++"}, NoiseScheduler.DPMPP_2M_SDE),
        ({}, NoiseScheduler.DPMPP_2M),
    ],
)
def test_a_folders_own_sampler_is_its_default(config: dict[str, Any], name: str) -> None:
    config["_class_name"] = "DPMSolverMultistepScheduler"

    assert scheduler_configs.default_name(config, "euler") == name
    assert scheduler_configs.default_name({"_class_name": "PNDMScheduler"}, "euler") == "euler"


def folder_of(root: Path, **configs: Mapping[str, Any]) -> Path:
    for part, config in configs.items():
        (root / part).mkdir(parents=True)
        (root / part / "config.json").write_text(json.dumps(config))
    return root


@pytest.mark.parametrize(
    ("configs", "words"),
    [
        ({"vae": {"latent_channels": 16}}, "16 channels.*--vae"),
        ({"text_encoder": {"hidden_size": 1024}}, "1024.*768.*--text-encoder"),
        ({"unet": {"quantization_config": {"quant_method": "bitsandbytes"}}}, "by bitsandbytes"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(
    tmp_path: Path, configs: Mapping[str, Mapping[str, Any]], words: str
) -> None:
    whole: dict[str, Mapping[str, Any]] = {
        "unet": {"out_channels": 4, "cross_attention_dim": 768},
        "vae": {"latent_channels": 4},
        "text_encoder": {"hidden_size": 768},
    }
    fit.require(folder_of(tmp_path / "whole", **whole), Family.SD1)

    with pytest.raises(Unusable, match=words):
        fit.require(folder_of(tmp_path / "other", **(whole | configs)), Family.SD1)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("adapter_config.json", {}, "a LoRA of PEFT"),
        ("config.json", {"_class_name": "ControlNetModel"}, "one part, ControlNetModel"),
        ("config.json", {"_class_name": "AutoencoderKL"}, "--vae PATH"),
        ("config.json", {"architectures": ["CLIPTextModel"]}, "--text-encoder PATH"),
        ("dreams.safetensors", {}, r"Add one of its files: dreams\.safetensors"),
        ("dreams.ckpt", {}, r"dreams\.ckpt is a pickle"),
        ("snapshots/abc/model_index.json", {}, "Add the folder in it that is: .*/snapshots/abc"),
    ],
)
def test_a_folder_without_an_index_is_named(
    tmp_path: Path, file: str, content: object, words: str
) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(json.dumps(content))

    with pytest.raises(Unusable, match=words):
        folder_import.require_known(tmp_path)


def test_an_index_that_is_nested_deep_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text("[" * 20_000)

    with pytest.raises(Unusable, match="nested too deeply"):
        folder_import.require_known(tmp_path)
