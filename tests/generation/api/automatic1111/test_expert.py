"""AUTOMATIC1111's clip skip, eta, variation seeds and masks: made, or refused by name."""

import io
import json

import PIL.Image
import pytest
from django.core.files.storage import default_storage

from generation.models import Job, Upload
from tests.generation.api.formats import IMG2IMG, TXT2IMG, text

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("short_waits")]
ADDRESS, WORDS, _IS_FORM = TXT2IMG


def asked(caller, body, *, address=ADDRESS):
    """The response, and the request of the job that it made."""
    response = caller.post(address, body)
    assert response.status_code == 200, response.json()
    return response.json(), Job.objects.get().generation_request


@pytest.mark.parametrize(
    "fields",
    [
        {"clip_skip": 2},
        {"override_settings": {"CLIP_stop_at_last_layers": 2}},
        {"clip_skip": 1, "override_settings": {"CLIP_stop_at_last_layers": 2}},
    ],
)
def test_clip_skip_is_followed_and_reported(caller, worker, fields):
    answer, request = asked(caller, {**WORDS, **fields})

    info = json.loads(answer["info"])
    assert request.clip_skip == info["clip_skip"] == 2
    assert "Clip skip: 2" in info["infotexts"][0]


def test_the_stored_clip_skip_counts_until_a_request_names_another(caller, worker):
    caller.post("/sdapi/v1/options", {"CLIP_stop_at_last_layers": 3})

    _answer, request = asked(caller, WORDS)

    assert request.clip_skip == 3


def test_more_layers_than_there_are_are_refused_before_anything_is_held(caller):
    response = caller.post(ADDRESS, {**WORDS, "clip_skip": 7})

    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "clip_skip"]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("sampler", "sent", "eta"),
    [
        ("Euler a", 0.5, 0.5),
        ("Euler a", 0, 0.0),
        ("DDIM", 1, 1.0),
        ("Euler", 0.5, None),
        ("DPM++ 2M SDE", 1, None),
        ("Euler a", None, None),
    ],
)
def test_eta_reaches_the_samplers_that_use_it(caller, worker, sampler, sent, eta):
    _answer, request = asked(caller, {**WORDS, "sampler_name": sampler, "eta": sent})

    assert request.eta == eta


def test_variation_seeds_are_followed_and_reported_for_each_picture(caller, worker):
    body = {**WORDS, "seed": 5, "subseed": 8, "subseed_strength": 0.25, "batch_size": 2}

    answer, request = asked(caller, body)

    info = json.loads(answer["info"])
    assert (request.subseed, request.subseed_strength) == (8, 0.25)
    assert (info["subseed"], info["all_subseeds"]) == (8, [8, 9])
    assert "Variation seed: 9, Variation seed strength: 0.25" in info["infotexts"][1]


def test_a_variation_without_a_seed_draws_one(caller, worker):
    _answer, request = asked(caller, {**WORDS, "subseed": -1, "subseed_strength": 0.25})

    assert request.subseed > 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tiling", True),
        ("restore_faces", True),
        ("styles", ["old film"]),
        ("refiner_checkpoint", "sd_xl_refiner_1.0"),
        ("sd_vae", "other.safetensors"),
        ("seed_resize_from_w", 512),
        ("s_churn", 0.5),
        ("s_noise", 1.1),
        ("s_noise", -1),
        ("initial_noise_multiplier", -1),
        ("s_churn", -1),
        ("initial_noise_multiplier", 0.9),
        ("prompt", "a cat AND a dog"),
        ("eta", 0.5),
    ],
)
def test_what_is_not_made_here_is_refused_by_name(caller, name, value):
    response = caller.post(ADDRESS, {**WORDS, "sampler_name": "DPM++ 2M SDE", name: value})

    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", name]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("eta_ancestral", 0.5),
        ("eta_ddim", 1),
        ("emphasis", "No norm"),
        ("sd_vae", "other.safetensors"),
        ("token_merging_ratio", 0.5),
        ("img2img_color_correction", True),
    ],
)
def test_settings_that_would_change_the_picture_are_refused_by_name(caller, name, value):
    for address, body in (
        (ADDRESS, {**WORDS, "override_settings": {name: value}}),
        ("/sdapi/v1/options", {name: value}),
    ):
        response = caller.post(address, body)
        assert response.status_code == 422
        assert response.json()["detail"][0]["loc"] == ["body", name]
    assert not Job.objects.exists()
    assert caller.reloaded().options == {}


def test_settings_that_change_nothing_are_taken(caller, worker):
    usual = {"eta_ancestral": 1.0, "eta_ddim": 0, "emphasis": "Original", "samples_save": True}

    asked(caller, {**WORDS, "override_settings": {**usual, "sd_vae": "Automatic"}})
    assert caller.post("/sdapi/v1/options", {**usual, "sd_vae": 0}).status_code == 200


def test_and_is_a_word_in_a_negative_prompt(caller, worker):
    _answer, request = asked(caller, {**WORDS, "negative_prompt": "fog AND rain"})

    assert request.negative_prompt == "fog AND rain"


def test_values_that_change_nothing_are_taken(caller, worker):
    usual = {
        "tiling": False,
        "restore_faces": False,
        "styles": [],
        "refiner_checkpoint": None,
        "refiner_switch_at": None,
        "sd_vae": "Automatic",
        "seed_resize_from_w": -1,
        "seed_resize_from_h": 0,
        "s_churn": 0,
        "s_tmax": 0,
        "s_tmin": 0,
        "s_noise": 1,
        "prompt": "a cat and sand",
    }

    asked(caller, {**WORDS, **usual})


@pytest.mark.parametrize(
    ("mode", "width", "is_taken"), [(0, 64, True), (1, 128, True), (1, 64, False), (3, 128, False)]
)
def test_a_picture_is_never_stretched_where_it_was_to_be_cropped(
    caller, worker, mode, width, is_taken
):
    _address, body, _is_form = IMG2IMG

    response = caller.post(
        "/sdapi/v1/img2img", {**body, "resize_mode": mode, "width": width, "height": 128}
    )

    assert (response.status_code == 200) is is_taken
    assert is_taken or response.json()["detail"][0]["loc"] == ["body", "resize_mode"]


def a_masking(**fields):
    _address, body, _is_form = IMG2IMG
    mask = PIL.Image.new("L", (128, 128))
    mask.paste(255, (20, 20, 40, 40))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return {**body, "mask": text(buffer.getvalue()), "steps": 30, **fields}


def test_masks_have_the_web_uis_own_values(caller, worker):
    _answer, request = asked(caller, a_masking(), address="/sdapi/v1/img2img")

    assert (request.mask_blur, request.mask_fill) == (4, "fill")
    assert (request.only_masked, request.mask_padding) == (True, 0)


def test_what_is_said_about_the_mask_is_followed(caller, worker):
    body = a_masking(
        mask_blur=8, inpaint_full_res=False, inpaint_full_res_padding=32, inpainting_fill=3
    )

    answer, request = asked(caller, body, address="/sdapi/v1/img2img")

    assert (request.mask_blur, request.mask_fill) == (8, "latent_nothing")
    assert (request.only_masked, request.mask_padding) == (False, 32)
    infotext = json.loads(answer["info"])["infotexts"][0]
    assert "Mask blur: 8, Masked content: latent nothing" in infotext


@pytest.mark.parametrize(
    ("blur", "expected"),
    [
        ({"mask_blur": 8, "mask_blur_x": 4, "mask_blur_y": 4}, 8),
        ({"mask_blur_x": 6, "mask_blur_y": 6}, 6),
    ],
)
def test_the_blur_of_both_directions_counts_more_than_each(caller, worker, blur, expected):
    _answer, request = asked(caller, a_masking(**blur), address="/sdapi/v1/img2img")

    assert request.mask_blur == expected


@pytest.mark.parametrize("only_masked", [True, False])
def test_resizing_has_no_effect_where_only_the_mask_is_painted(caller, worker, only_masked):
    body = a_masking(resize_mode=1, width=64, height=128, inpaint_full_res=only_masked)

    response = caller.post("/sdapi/v1/img2img", body)

    assert response.status_code == (200 if only_masked else 422)


@pytest.mark.parametrize("name", ["mask_blur", "inpainting_fill", "inpaint_full_res_padding"])
def test_impossible_masks_are_refused(caller, name):
    response = caller.post("/sdapi/v1/img2img", a_masking(**{name: 999}))

    assert response.status_code == 422
    assert not Job.objects.exists()


def test_an_inverted_mask_with_transparency_is_its_inverted_alpha(caller, buyer):
    mask = PIL.Image.new("RGBA", (128, 128), (255, 255, 255, 0))
    mask.paste((0, 0, 0, 255), (0, 0, 64, 128))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")

    caller.post(
        "/sdapi/v1/img2img", a_masking(mask=text(buffer.getvalue()), inpainting_mask_invert=1)
    )

    job = Job.objects.get()
    with mask_of(job) as stored:
        levels = stored.convert("L")
        assert (levels.getpixel((10, 10)), levels.getpixel((100, 10))) == (0, 255)


def mask_of(job):
    upload = Upload.objects.get(digest=job.generation_request.mask)
    with default_storage.open(upload.file) as file:
        return PIL.Image.open(io.BytesIO(file.read()))
