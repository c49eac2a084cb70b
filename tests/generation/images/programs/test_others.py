"""Settings as InvokeAI, NovelAI, Fooocus and SwarmUI write them."""

import json

import pytest

from generation.images import programs, read_settings
from tests.generation.images.programs import files

FOUND = {
    "prompt": "a tin robot",
    "negative_prompt": "fog",
    "num_inference_steps": 9,
    "guidance_scale": 6.5,
    "seed": 42,
    "width": 64,
    "height": 96,
    "noise_scheduler": "dpmpp_2m_karras",
    "sigma_schedule": "uniform",
    "checkpoint": "other",
}
SWARMUI = {
    "prompt": "a tin robot",
    "negativeprompt": "fog",
    "model": "other",
    "seed": 42,
    "steps": 9,
    "cfgscale": 6.5,
    "width": 64,
    "height": 96,
    "sampler": "dpmpp_2m",
    "scheduler": "karras",
}
FOOOCUS = {
    "base_model": "other.safetensors",
    "guidance_scale": 6.5,
    "metadata_scheme": "fooocus",
    "negative_prompt": "fog",
    "prompt": "a tin robot",
    "resolution": "(64, 96)",
    "sampler": "dpmpp_2m_gpu",
    "scheduler": "karras",
    "seed": "42",
    "steps": 9,
}
INVOKEAI = {
    "positive_prompt": "a tin robot",
    "negative_prompt": "fog",
    "width": 64,
    "height": 96,
    "seed": 42,
    "cfg_scale": 6.5,
    "steps": 9,
    "scheduler": "dpmpp_2m_k",
    "model": {"name": "other", "base": "sd-1"},
}
NOVELAI = {
    "prompt": "a tin robot",
    "steps": 9,
    "height": 96,
    "width": 64,
    "scale": 6.5,
    "seed": 42,
    "noise_schedule": "karras",
    "sampler": "k_dpmpp_2m",
    "uc": "fog",
}


def swarmui(**changes):
    return {"parameters": json.dumps({"sui_image_params": SWARMUI | changes})}


def fooocus(**changes):
    return {"parameters": json.dumps(FOOOCUS | changes)}


def invokeai(**changes):
    return {"invokeai_metadata": json.dumps(INVOKEAI | changes)}


def novelai(**changes):
    return {"Software": "NovelAI", "Comment": json.dumps(NOVELAI | changes)}


OLD_INVOKEAI = {
    "sd-metadata": json.dumps(
        {
            "model_weights": "other",
            "image": {
                "prompt": [{"prompt": "a tin robot [fog]", "weight": 1.0}],
                "steps": 9,
                "cfg_scale": 6.5,
                "seed": 42,
                "width": 64,
                "height": 96,
                "sampler": "k_dpmpp_2m",
            },
        }
    )
}


@pytest.mark.parametrize(
    "texts", [swarmui(), fooocus(), invokeai()], ids=["swarmui", "fooocus", "invokeai"]
)
def test_a_program_is_understood(texts):
    found = programs.settings_in(texts)

    assert found.values == FOUND
    assert found.left_out == {}


def test_novelai_names_no_model():
    found = programs.settings_in(novelai())

    assert found.values == {name: value for name, value in FOUND.items() if name != "checkpoint"}


def test_novelais_newer_texts_are_captions():
    captions = {
        "v4_prompt": {"caption": {"base_caption": "a tin robot"}},
        "v4_negative_prompt": {"caption": {"base_caption": "fog"}},
    }
    found = programs.settings_in(novelai(prompt=None, uc=None, **captions))

    assert (found.values["prompt"], found.values["negative_prompt"]) == ("a tin robot", "fog")


def test_invokeais_older_version_has_brackets():
    found = programs.settings_in(OLD_INVOKEAI)

    assert found.values == FOUND | {"noise_scheduler": "dpmpp_2m"}


def test_invokeais_third_version_has_other_names_for_models():
    model = {"model_name": "other", "base_model": "sd-1"}

    assert programs.settings_in(invokeai(model=model)).values == FOUND


@pytest.mark.parametrize(
    "texts",
    [
        swarmui(loras=["sub/brass"]),
        fooocus(loras=[["brass.safetensors", 0.5]]),
        fooocus(lora_combined_1="brass.safetensors : 0.5"),
        invokeai(loras=[{"model": {"name": "brass"}, "weight": 0.5}]),
        invokeai(loras=[{"lora": {"model_name": "brass"}, "weight": 0.5}]),
    ],
)
def test_loras_are_named(texts):
    assert programs.settings_in(texts).left_out == {"loras": "brass"}


@pytest.mark.parametrize("make", [swarmui, fooocus, invokeai, novelai])
@pytest.mark.parametrize("seed", [-1, 2**63, float("nan"), "words", [1], {"a": 1}])
def test_a_seed_that_no_field_takes_is_left_out(make, seed):
    found = programs.settings_in(make(seed=seed))

    assert "seed" not in found.values
    assert list(found.left_out) == ["seed"]


@pytest.mark.parametrize("make", [swarmui, invokeai, novelai])
@pytest.mark.parametrize("width", [0, -64, 10**9, "wide", 64.5])
def test_a_size_is_taken_whole_or_not_at_all(make, width):
    found = programs.settings_in(make(width=width))

    assert not {"width", "height"} & set(found.values)
    assert found.left_out == {"width": f"{width}x96"}


@pytest.mark.parametrize("make", [swarmui, fooocus, invokeai, novelai])
@pytest.mark.parametrize("odd", [None, 5, [1], {"a": 1}])
def test_odd_values_bring_nothing_down(make, odd):
    names = {
        "sampler", "scheduler", "noise_schedule", "model", "base_model", "loras", "resolution",
        "negative_prompt", "negativeprompt", "uc", "width",
    }  # fmt: skip

    found = programs.settings_in(make(**dict.fromkeys(names, odd)))

    assert found.values["prompt"] == "a tin robot"


def test_jpeg_has_it_as_a_comment():
    file = files.with_comment("JPEG", swarmui()["parameters"])

    assert programs.settings_in(read_settings.texts_in(file)).values == FOUND


def test_what_is_long_is_shown_in_part():
    found = programs.settings_in(swarmui(seed="9" * 5_000))

    assert len(found.left_out["seed"]) < 70
