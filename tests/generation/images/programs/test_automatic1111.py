"""Infotexts as AUTOMATIC1111's web UI and its many relatives write them."""

import time

import pytest

from generation.images import programs, read_settings
from tests.generation.images.programs import files

SETTINGS = (
    "Steps: 9, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 42, Size: 64x96"
)
TEXT = f"a tin robot\nNegative prompt: fog\n{SETTINGS}, Model: other"
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


def settings_in(text):
    return programs.settings_in({"parameters": text})


@pytest.mark.parametrize(
    ("sampler", "schedule", "expected"),
    [
        ("DPM++ 2M", "Karras", "dpmpp_2m_karras"),
        ("DPM++ 2M", "Automatic", "dpmpp_2m_karras"),
        ("DPM++ 2M", "Uniform", "dpmpp_2m"),
        ("DPM++ 2M", "", "dpmpp_2m"),
        ("DPM++ 2M Karras", "", "dpmpp_2m_karras"),
        ("DPM++ 2M Karras", "Automatic", "dpmpp_2m_karras"),
        ("Euler a", "Automatic", "euler_ancestral"),
        ("Euler a", "Normal", "euler_ancestral"),
        ("DDIM", "DDIM", "ddim"),
        ("PLMS", "", "pndm"),
        ("DDIM_ddim_uniform", "", "ddim"),
    ],
)
def test_a_sampler_has_its_schedule_beside_it_or_in_its_name(sampler, schedule, expected):
    beside = f", Schedule type: {schedule}" if schedule else ""

    found = settings_in(f"a\nSteps: 9, Sampler: {sampler}{beside}, Seed: 1")

    assert found.values["noise_scheduler"] == expected
    assert found.left_out == {}


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        ("DPM++ 2M Beta", ("dpmpp_2m", "beta")),
        ("DPM++ 2M SDE SGM Uniform", ("dpmpp_2m_sde", "sgm_uniform")),
        ("dpmpp_2m_sde_gpu_karras", ("dpmpp_2m_sde", "karras")),
        ("euler_ancestral_sgm_uniform", ("euler_ancestral", "sgm_uniform")),
        ("dpmpp_2m_karras", ("dpmpp_2m_karras", "uniform")),
        ("dpmpp_2m_k", ("dpmpp_2m_karras", "uniform")),
        ("euler_normal", ("euler", "uniform")),
    ],
)
def test_any_schedule_may_end_a_samplers_name(sampler, expected):
    found = settings_in(f"a\nSteps: 9, Sampler: {sampler}")

    assert (found.values["noise_scheduler"], found.values["sigma_schedule"]) == expected
    assert found.left_out == {}


def test_what_else_made_the_picture_is_named():
    extras = (
        "Hires upscale: 2, Hires steps: 9, Tiling: True, Face restoration: None, Script: X/Y/Z plot"
    )

    found = settings_in(f"{TEXT}, {extras}")

    assert found.left_out == {"extras": "Hires upscale, Tiling, Script"}
    assert found.values == FOUND


@pytest.mark.parametrize("size", ["64x96", "64 x 96", "64X96", "64×96"])
def test_a_size_is_read_however_it_is_spaced(size):
    found = settings_in(f"a\nSteps: 9, Size: {size}, Seed: 1")

    assert (found.values["width"], found.values["height"]) == (64, 96)


def test_every_tag_that_is_cut_out_of_a_prompt_is_named():
    found = settings_in("a <lora:brass:1> robot <LORA:Tin:0.5>\nSteps: 9, Seed: 1")

    assert found.values["prompt"] == "a  robot"
    assert found.left_out == {"loras": "brass, Tin"}


@pytest.mark.parametrize(
    ("sampler", "left_out"),
    [
        ("Euler Simple", {"sigma_schedule": "simple (Euler)"}),
        ("DPM fast", {"noise_scheduler": "DPM fast"}),
        ("Restart, Schedule type: Karras", {"noise_scheduler": "Restart"}),
        ("DDIM, Schedule type: Karras", {"sigma_schedule": "Karras (DDIM)"}),
        ("DDIM, Schedule type: Align Your Steps", {"sigma_schedule": "Align Your Steps (DDIM)"}),
        ("DPM++ 2M, Schedule type: Turbo", {"sigma_schedule": "Turbo (DPM++ 2M)"}),
    ],
)
def test_what_is_not_here_is_named(sampler, left_out):
    assert settings_in(f"a\nSteps: 9, Sampler: {sampler}").left_out == left_out


@pytest.mark.parametrize(
    "more",
    [
        "\nHires prompt: the same, sharper",
        "\nTiled Diffusion: {}\nSteps taken: 5",
        ", Template: a {tin|brass} robot\nwith Seed: 5, Negative Template: blurry",
        ', Lora hashes: "brass: 0f1e, Seed: 7, tin: 2d3c"',
        ', ADetailer prompt: "a face, Steps: 3\\nSampler: Heun", Seed: 8, Size: 8x8',
        ', Note: "it says \\"Seed: 7, \\"", Version: v1.10.1',
        ', Note: "a quote that never ends, Seed: 7',
    ],
)
def test_what_extensions_add_changes_nothing(more):
    assert settings_in(TEXT + more).values == FOUND


def test_a_quoted_value_is_one():
    text = f'a\n{SETTINGS}, Model: "my model, the \\"best\\""'

    assert settings_in(text).values["checkpoint"] == 'my model, the "best"'


@pytest.mark.parametrize(
    ("prompt", "found", "negative"),
    [
        ("a door, no Negative prompt: here", "a door, no Negative prompt: here", ""),
        (
            "a door, Negative prompt: no\nNegative prompt: fog\nrain",
            "a door, Negative prompt: no",
            "fog\nrain",
        ),
        ("Negative prompt: fog", "", "fog"),
        ("one\ntwo\nNegative prompt:", "one\ntwo", ""),
        ("Steps: 4 of them\nbelow", "Steps: 4 of them\nbelow", ""),
    ],
)
def test_only_a_line_that_begins_so_ends_the_prompt(prompt, found, negative):
    values = settings_in(f"{prompt}\n{SETTINGS}").values

    assert (values["prompt"], values["negative_prompt"]) == (found, negative)


def test_lines_may_end_as_on_windows():
    assert settings_in(TEXT.replace("\n", "\r\n")).values == FOUND


def test_a_lora_in_the_prompt_is_named():
    found = settings_in(f"a <lora:brass_v2:0.7> robot <lyco:tin:1>, <b>\n{SETTINGS}")

    assert found.left_out == {"loras": "brass_v2, tin"}
    assert found.values["prompt"] == "a  robot , <b>"


@pytest.mark.parametrize("text", ["", "just words", "a\nb: c, d: e", "Steps", "{}", "\n\n"])
def test_other_texts_say_nothing(text):
    assert settings_in(text) is None


def test_a_long_text_is_read_in_no_time():
    started = time.process_time()

    for text in (
        "a" * 2**20,
        'Steps: 9, a: "' + "\\" * 2**19,
        "Steps: 1," + "b " * 2**19,
        "Steps: 1,\n" + " " * 50_000 + "1",
    ):
        settings_in(text)

    assert time.process_time() - started < 5


# Places ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file",
    [
        files.png(parameters=TEXT),
        files.png({"parameters": TEXT}),
        files.with_comment("JPEG", TEXT),
        files.with_comment("WEBP", TEXT),
        files.with_comment("JPEG", TEXT, encoding="utf-16-le"),
        files.with_comment("WEBP", TEXT, encoding="utf-16-le", order="<"),
        files.with_comment("JPEG", "\ufeff" + TEXT, encoding="utf-16-le"),
        files.with_comment("JPEG", TEXT, encoding="utf-16-be", order="<"),
        files.with_comment("JPEG", TEXT, code=b"ASCII\0\0\0", encoding="utf-8"),
        files.with_comment("JPEG", TEXT, code=bytes(8), encoding="utf-8"),
        files.with_comment("JPEG", TEXT, code=b"", encoding="utf-8"),
    ],
)
def test_it_is_found_wherever_programs_put_it(file):
    texts = read_settings.texts_in(file)

    assert programs.settings_in(texts).values == FOUND


def test_chinese_comments_are_read_in_both_byte_orders():
    for encoding in ("utf-16-be", "utf-16-le"):
        text = f"一只铁皮机器人，清晨的光\n{SETTINGS}"
        file = files.with_comment("JPEG", text, encoding=encoding)

        found = programs.settings_in(read_settings.texts_in(file))

        assert found.values["prompt"] == "一只铁皮机器人，清晨的光"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig"])
def test_a_text_may_have_each_of_its_usual_encodings(encoding):
    prompt = "a robot in a café"
    text = f"{prompt}\n{SETTINGS}".encode(encoding).decode("latin-1")

    found = programs.settings_in(read_settings.texts_in(files.png({"parameters": text})))

    assert found.values["prompt"] == prompt
