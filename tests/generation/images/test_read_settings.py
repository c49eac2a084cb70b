"""Generation settings in a picture fill the studio's form again."""

import io
import json
import math
import struct
import zlib

import PIL.Image
import pytest
from django.core.files.base import ContentFile
from PIL.PngImagePlugin import PngInfo

from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.engine.enums import Family, MaskFill, Mode, NoiseScheduler
from generation.engine.request import MAX_PROMPT_LENGTH, infotext
from generation.images import programs, read_settings, storage
from generation.studio.forms import GenerationForm
from tests.generation.rows import make_job, make_request, make_upload

A1111 = """a (red:1.2) house, snow
at night
Negative prompt: rain, fog
Steps: 25, Sampler: DPM++ 2M Karras, CFG scale: 7.5, Seed: 42, Size: 512x384, Model hash: abc, Model: other, Clip skip: 2"""


def png(**texts):
    info = PngInfo()
    for name, text in texts.items():
        info.add_itxt(name, text)
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info)
    return ContentFile(buffer.getvalue())


def header_only(width, height):
    """A PNG that says how large it is, and has no pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [header, b"tEXtparameters\0a tree\nSteps: 9", b"IDAT", b"IEND"]
    packed = [
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    ]
    return ContentFile(b"\x89PNG\r\n\x1a\n" + b"".join(packed))


@pytest.mark.django_db
def test_a_picture_made_here_brings_everything_along(alice):
    request = make_request(negative_prompt="rain", seed=5, num_images=2)
    job = make_job(alice, request=request)
    (stored,) = storage.save(job, [PIL.Image.new("RGB", (64, 64))], seeds=(6,))

    with storage.default_storage.open(stored.file) as file:
        values = read_settings.read_picture(alice, file).values

    form = GenerationForm(values)
    assert form.is_valid(), form.errors
    assert form.generation_request == make_request(negative_prompt="rain", seed=6)


@pytest.mark.django_db
def test_another_programs_picture_brings_what_is_known_here(alice):
    values = read_settings.read_picture(alice, png(parameters=A1111)).values

    assert values["prompt"] == "a (red:1.2) house, snow\nat night"
    assert values["negative_prompt"] == "rain, fog"
    assert values["noise_scheduler"] == NoiseScheduler.DPMPP_2M_KARRAS
    assert (values["width"], values["height"], values["seed"]) == (512, 384, 42)
    assert "checkpoint" not in values


@pytest.mark.parametrize("noise_scheduler", NoiseScheduler)
def test_the_common_form_is_read_as_it_is_written(noise_scheduler):
    request = make_request(noise_scheduler=noise_scheduler, negative_prompt="fog")

    found = programs.settings_in({"parameters": infotext.write(request, seed=9)})

    assert found.left_out == {}
    assert found.values == {
        "prompt": request.prompt,
        "negative_prompt": "fog",
        "num_inference_steps": request.num_inference_steps,
        "noise_scheduler": noise_scheduler,
        "sigma_schedule": "uniform",
        "guidance_scale": request.guidance_scale,
        "seed": 9,
        "width": 64,
        "height": 64,
        "checkpoint": "sketchbook",
    }


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Sampler: DPM++ 2M, Schedule type: Karras", ("dpmpp_2m_karras", "uniform")),
        ("Sampler: DPM++ 2M, Schedule type: Automatic", ("dpmpp_2m_karras", "uniform")),
        ("Sampler: DPM++ 2M", ("dpmpp_2m", "uniform")),
        (
            "Sampler: DPM++ 2M SDE, Schedule type: Karras",
            ("dpmpp_2m_sde", "karras"),
        ),
        ("Sampler: DPM++ SDE Karras", ("dpmpp_sde", "karras")),
        ("Sampler: Euler, Schedule type: Simple", ("euler", "uniform")),
        ("Sampler: DPM fast, Schedule type: Karras", (None, None)),
    ],
)
def test_samplers_and_schedules_are_read_as_the_web_ui_writes_them(written, expected):
    text = f"a tree\nSteps: 9, {written}, Seed: 3"
    found = programs.settings_in({"parameters": text}).values

    assert (found.get("noise_scheduler"), found.get("sigma_schedule")) == expected


def test_expert_settings_are_read_as_they_are_written():
    noise = {"clip_skip": 2, "eta": 0.5, "subseed": 7, "subseed_strength": 0.25}
    mask = {"mask_blur": 4, "mask_fill": "latent_noise", "only_masked": True, "mask_padding": 12}
    request = make_request(
        mode=Mode.INPAINT,
        image="0" * 64,
        mask="1" * 64,
        noise_scheduler=NoiseScheduler.DDIM,
        **noise,
        **mask | {"mask_fill": MaskFill.LATENT_NOISE},
    )

    found = programs.settings_in({"parameters": infotext.write(request, seed=9)})

    assert found.left_out == {}
    assert {name: found.values[name] for name in (*noise, *mask)} == noise | mask


@pytest.mark.parametrize(
    "file",
    [
        png(),
        png(parameters="just words"),
        png(request="{}"),
        png(request="[1]"),
        png(request="not json"),
        png(request="[" * 100_000 + "]" * 100_000),
        png(request='{"guidance_scale": ' + "[" * 500 + "]" * 500 + "}"),
        png(request=json.dumps({**make_request().to_dict(), "guidance_scale": math.nan})),
        png(request=json.dumps({**make_request().to_dict(), "prompt": "a\0b"})),
        ContentFile(b"no picture"),
        ContentFile(b""),
    ],
)
@pytest.mark.django_db
def test_a_file_that_says_nothing_is_told_so(alice, file):
    with pytest.raises(read_settings.NothingToRead):
        read_settings.read_picture(alice, file)


@pytest.mark.django_db
def test_room_that_was_added_comes_along_in_the_pictures_own_pixels(alice):
    upload = make_upload(alice)
    request = make_request(
        mode=Mode.OUTPAINT, image=upload.digest, padding=(128, 0, 0, 0), width=256, height=128
    )

    values = read_settings.read_picture(alice, png(request=json.dumps(request.to_dict()))).values

    assert (values["left"], values["top"]) == (64, 0)


def test_a_large_picture_may_still_say_how_it_was_made():
    assert read_settings.texts_in(header_only(30_000, 30_000))["parameters"].startswith("a tree")


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ("CFG scale: nan", "guidance_scale"),
        ("CFG scale: inf", "guidance_scale"),
        ("CFG scale: 1e999", "guidance_scale"),
        ("Seed: -1", "seed"),
        ("Seed: 18446744073709551615", "seed"),
        (f"Seed: {'9' * 5_000}", "seed"),
        (f"Size: {'9' * 5_000}x64", "width"),
        ("Denoising strength: nan", "strength"),
    ],
)
def test_a_number_that_no_request_can_have_is_left_out(written, field):
    text = f"a tree\nSteps: 9, Model: other, {written}"

    found = programs.settings_in({"parameters": text})

    assert list(found.left_out) == [field]
    assert found.values == {
        "prompt": "a tree",
        "negative_prompt": "",
        "num_inference_steps": 9,
        "checkpoint": "other",
    }


@pytest.mark.django_db
def test_a_nul_in_a_prompt_is_dropped(alice):
    values = read_settings.read_picture(alice, png(parameters="a\0 tree\nSteps: 9")).values

    assert values["prompt"] == "a tree"


@pytest.mark.parametrize(
    ("said", "left_out"),
    [
        ("Size: 1000x1000", {"width": "1000x1000"}),
        ("Size: 100x64", {"width": "100x64"}),
        ("Size: 64x16384", {"width": "64x16384"}),
        ("Size: 16384x64, Model: Sketchbook", {"width": "16384x64"}),
        ("Sampler: Euler, Eta: 0.5", {"eta": "0.5"}),
    ],
)
def test_what_the_form_would_refuse_is_left_out(said, left_out):
    found = read_settings.found_in({"parameters": f"a tree\nSteps: 9, Seed: 3, {said}"})

    assert found.left_out == left_out
    assert (found.values["prompt"], found.values["seed"]) == ("a tree", 3)
    assert not {"width", "height", "eta"} & found.values.keys()


def test_a_named_models_own_limits_count():
    (_first, another) = [each for each in CHECKPOINTS.values() if each.max_size >= 1_024][:2]
    text = f"a tree\nSteps: 9, Size: 1024x1024, Model: {another.name}"

    found = read_settings.found_in({"parameters": text})

    assert found.left_out == {}
    assert (found.values["width"], found.values["height"]) == (1_024, 1_024)


def test_a_sampler_that_the_named_model_lacks_takes_its_schedule_along():
    model = next(each for each in CHECKPOINTS.values() if each.family is Family.SD3)
    text = f"a tree\nSteps: 9, Sampler: DPM++ SDE, Schedule type: Karras, Model: {model.name}"

    found = read_settings.found_in({"parameters": text})

    assert found.left_out == {"noise_scheduler": "DPM++ SDE"}
    assert not {"noise_scheduler", "sigma_schedule"} & found.values.keys()


@pytest.mark.parametrize("prompt", ["a" * (MAX_PROMPT_LENGTH + 1), "(a tree:99)"])
@pytest.mark.django_db
def test_a_prompt_that_no_request_can_have_is_left_out_and_the_reason_said(alice, prompt):
    recalled = read_settings.read_picture(alice, png(parameters=f"{prompt}\nSteps: 9"))

    assert "prompt" not in recalled.values
    assert recalled.left_out["prompt"].startswith("The prompt is not filled in. Use ")


@pytest.mark.django_db
def test_no_half_of_a_size_stays_in_the_form(alice):
    recalled = read_settings.read_picture(alice, png(parameters="a tree\nSteps: 9, Size: 1000x512"))

    sizes = {name: recalled.values[name] for name in ("width", "height", "shape")}
    assert sizes == {"width": None, "height": None, "shape": "square"}
    assert recalled.left_out["width"] == "The size 1000x512 is out of range."
