"""Graphs of ComfyUI are followed from the sampler."""

import json
import time
from copy import deepcopy

import pytest

from generation.images import programs, read_settings
from tests.generation.images.programs import files

FOUND = {
    "prompt": "a tin robot",
    "negative_prompt": "fog",
    "num_inference_steps": 9,
    "noise_scheduler": "dpmpp_2m_karras",
    "sigma_schedule": "uniform",
    "guidance_scale": 6.5,
    "seed": 42,
    "width": 64,
    "height": 96,
    "checkpoint": "other",
}


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


SAMPLER = node(
    "KSampler",
    seed=42,
    steps=9,
    cfg=6.5,
    sampler_name="dpmpp_2m",
    scheduler="karras",
    denoise=1.0,
    model=["4", 0],
    positive=["6", 0],
    negative=["7", 0],
    latent_image=["5", 0],
)
GRAPH = {
    "9": node("SaveImage", filename_prefix="robot", images=["8", 0]),
    "3": SAMPLER,
    "4": node("CheckpointLoaderSimple", ckpt_name="folder\\other.safetensors"),
    "5": node("EmptyLatentImage", width=64, height=96, batch_size=1),
    "6": node("CLIPTextEncode", text="a tin robot", clip=["4", 1]),
    "7": node("CLIPTextEncode", text="fog", clip=["4", 1]),
    "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
}


def graph(**changes):
    """The graph with nodes put in place of others; names begin with an n."""
    return deepcopy(GRAPH) | {name.removeprefix("n"): each for name, each in changes.items()}


def sampler(kind="KSampler", /, without=(), **inputs):
    kept = {name: value for name, value in SAMPLER["inputs"].items() if name not in without}
    return node(kind, **kept | inputs)


def settings_in(said):
    text = said if isinstance(said, str) else json.dumps(said)
    return programs.settings_in({"prompt": text})


CUSTOM = graph(
    n3=node(
        "SamplerCustomAdvanced",
        noise=["20", 0],
        guider=["21", 0],
        sampler=["22", 0],
        sigmas=["23", 0],
        latent_image=["5", 0],
    ),
    n20=node("RandomNoise", noise_seed=42),
    n21=node("CFGGuider", model=["4", 0], positive=["6", 0], negative=["7", 0], cfg=6.5),
    n22=node("KSamplerSelect", sampler_name="dpmpp_2m"),
    n23=node("BasicScheduler", model=["4", 0], scheduler="karras", steps=9, denoise=1),
)


@pytest.mark.parametrize(
    "said",
    [
        GRAPH,
        graph(n3=sampler("KSamplerAdvanced", ("seed",), noise_seed=42, start_at_step=0)),
        graph(n3=sampler("A sampler by another name", extra=["4", 0])),
        graph(n3=sampler(seed=["30", 0]), n30=node("Seed (somebody)", seed=42)),
        graph(n3=sampler(steps=["30", 0]), n30=node("Number", value=9)),
        graph(n6=node("CLIPTextEncode", text=["11", 0]), n11=node("Text", value="a tin robot")),
        graph(
            n6=node("CLIPTextEncode", text=["11", 0]),
            n11=node("Reroute", any=["12", 0]),
            n12=node("Text Multiline", text="a tin robot"),
        ),
        graph(
            n6=node("CLIPTextEncode", text=["11", 0]),
            n11=node("StringConcatenate", string_a="a tin", string_b=["12", 0], delimiter=" "),
            n12=node("PrimitiveString", value="robot"),
        ),
        graph(n6=node("CLIPTextEncodeSDXL", width=1, text_g="a tin robot", text_l="robot")),
        graph(
            n3=sampler(positive=["30", 0], negative=["30", 1]),
            n30=node("ControlNetApplyAdvanced", strength=1, positive=["6", 0], negative=["7", 0]),
        ),
        graph(
            n3=sampler(positive=["30", 0]),
            n30=node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["7", 0]),
        ),
        graph(
            n5=node("EmptySD3LatentImage", width=["30", 0], height=96), n30=node("Int", value=64)
        ),
        graph(n5=node("Size picker", resolution="64x96 (0.67)", batch_size=1)),
        graph(n3=sampler(model=["30", 0]), n30=node("FreeU", b1=1.1, model=["4", 0])),
        graph(
            n10=node("LatentUpscale", samples=["3", 0], width=128, height=192),
            n11=sampler(seed=7, steps=4, denoise=0.5, latent_image=["10", 0]),
            n8=node("VAEDecode", samples=["11", 0]),
        ),
        CUSTOM,
        {**GRAPH, "99": node("PreviewImage", images=["404", 0])},
    ],
)
def test_the_graph_is_followed(said):
    found = settings_in(said)

    assert found.values == FOUND
    assert found.left_out == {}


def test_a_lora_on_the_way_is_named():
    loader = node(
        "LoraLoader", lora_name="sub/brass.safetensors", strength_model=0.7, model=["4", 0]
    )
    stack = node(
        "Power Lora Loader",
        lora_1={"on": True, "lora": "tin.safetensors", "strength": 1},
        lora_2={"on": False, "lora": "unused.safetensors", "strength": 1},
        model=["10", 0],
    )

    found = settings_in(graph(n3=sampler(model=["11", 0]), n10=loader, n11=stack))

    assert found.values == FOUND
    assert found.left_out == {"loras": "tin, brass"}


def test_a_lora_of_no_strength_is_none():
    loader = node("LoraLoader", lora_name="brass", strength_model=0, model=["4", 0])

    assert settings_in(graph(n3=sampler(model=["10", 0]), n10=loader)).left_out == {}


def test_no_negative_conditioning_is_no_negative_prompt():
    said = graph(
        n3=sampler(negative=["30", 0]), n30=node("ConditioningZeroOut", conditioning=["6", 0])
    )

    assert settings_in(said).values["negative_prompt"] == ""


def test_a_picture_that_was_encoded_has_its_own_size():
    said = graph(
        n3=sampler(latent_image=["30", 0], denoise=0.6),
        n30=node("VAEEncode", pixels=["31", 0], vae=["4", 2]),
        n31=node("LoadImage", image="photo.png"),
    )

    values = settings_in(said).values

    assert "width" not in values
    assert values["strength"] == 0.6


def test_a_seed_of_64_bits_is_left_out():
    found = settings_in(graph(n3=sampler(seed=1_125_899_906_842_624_123)))

    assert "seed" not in found.values
    assert found.left_out == {"seed": "1125899906842624123"}


@pytest.mark.parametrize("name", ["seed", "steps", "cfg"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "words", "9" * 500, -1])
def test_what_no_field_takes_is_left_out(name, value):
    found = settings_in(graph(n3=sampler(**{name: value})))

    assert len(found.left_out) == 1
    assert len(found.values) == len(FOUND) - 1


def test_nan_elsewhere_does_not_matter():
    said = graph()
    said["9"]["is_changed"] = [float("nan")]

    assert settings_in(said).values == FOUND


@pytest.mark.parametrize(
    "said",
    [
        "",
        "a prompt in words",
        "[]",
        "{}",
        "{" * 500,
        '{"a": ' * 500 + "1" + "}" * 500,
        {"1": 5, "2": {"class_type": 7, "inputs": 3}, "3": {"inputs": {}}},
        {"9": GRAPH["9"], "8": GRAPH["8"]},
    ],
)
def test_what_is_no_graph_with_a_sampler_says_nothing(said):
    assert settings_in(said) is None


def test_circles_end():
    said = graph(
        n3=sampler(latent_image=["3", 0], positive=["6", 0], seed=["30", 0], model=["4", 0]),
        n6=node("Reroute", conditioning=["6", 0]),
        n4=node("Reroute", model=["4", 0]),
        n30=node("Reroute", value=["30", 0]),
    )

    found = settings_in(said)

    assert found.values["num_inference_steps"] == 9
    assert "seed" not in found.values


def test_texts_that_are_joined_over_and_over_take_no_time():
    said = graph(n6=node("CLIPTextEncode", text=["a0", 0]))
    for number in range(200):
        for letter in "ab":
            after = [[f"{other}{number + 1}", 0] for other in "abab"]
            said[f"{letter}{number}"] = node(
                "Joined", **dict(zip(("text_a", "text_b", "text_c", "text_d"), after, strict=True))
            )
    started = time.process_time()

    found = settings_in(said)

    assert found.values["num_inference_steps"] == 9
    assert time.process_time() - started < 5


def test_a_lone_surrogate_and_a_nul_are_dropped():
    said = graph(n6=node("CLIPTextEncode", text="a tin\ud800 robot\0", clip=["4", 1]))

    assert settings_in(said).values["prompt"] == "a tin robot"


@pytest.mark.parametrize("format", ["WEBP", "JPEG"])
def test_animations_have_it_in_exif(format):
    file = files.described(format, prompt=json.dumps(GRAPH), workflow="{}")

    assert programs.settings_in(read_settings.texts_in(file)).values == FOUND
