"""The checkpoint of requests that name none."""

import json

import pytest
from django.core import checks

from generation.api import wait
from generation.models import Job
from tests.generation.api.callers import Caller
from tests.generation.api.formats import text
from tests.generation.installed import put, put_own

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    monkeypatch.setattr(wait, "LONGEST_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    """Two real checkpoints beside the sketchbook, and one that can only enlarge."""
    settings.CHECKPOINTS_DIR = tmp_path
    put(tmp_path, "sd-1.5")
    put(tmp_path, "sdxl-1.0")
    put_own(tmp_path, "enlarger", modes=["upscale"])
    return tmp_path


def placed():
    return Job.objects.latest("created_at").checkpoint


CALLS = [
    ("/v1/images/generations", {"model": "gpt-image-1", "prompt": "a robot"}),
    ("/v1/images/generations", {"prompt": "a robot", "size": "auto"}),
    ("/sdapi/v1/txt2img", {"prompt": "a robot"}),
    ("/v1/generation/stable-diffusion-v1-6/text-to-image", {"text_prompts": [{"text": "a robot"}]}),
    ("/api/v1/jobs", {"prompt": "a robot"}),
]


@pytest.mark.parametrize(("address", "body"), CALLS)
def test_a_real_checkpoint_comes_before_the_bundled_one(caller, address, body):
    caller.post(address, body)

    assert placed() == "sd-1.5"


@pytest.mark.parametrize(("address", "body"), CALLS)
def test_the_operator_chooses_the_default(caller, settings, address, body):
    settings.DEFAULT_CHECKPOINT = "sdxl-1.0"

    caller.post(address, body)

    assert placed() == "sdxl-1.0"


@pytest.mark.parametrize(("address", "body"), CALLS)
def test_a_keys_choice_comes_before_the_operators(client, buyer, settings, address, body):
    settings.DEFAULT_CHECKPOINT = "sdxl-1.0"
    caller = Caller(client, buyer, default_checkpoint="sketchbook")

    caller.post(address, body)

    assert placed() == "sketchbook"


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("/v1/images/generations", {"prompt": "a robot", "size": "64x64"}),
        ("/sdapi/v1/txt2img", {"prompt": "a robot", "width": 64, "height": 64}),
        ("/api/v1/jobs", {"prompt": "a robot", "width": 64, "height": 64}),
    ],
)
def test_the_default_can_make_the_size(caller, settings, address, body):
    settings.DEFAULT_CHECKPOINT = "sdxl-1.0"

    caller.post(address, body)

    assert placed() == "sketchbook"


def test_the_default_can_do_the_mode(caller, settings):
    settings.DEFAULT_CHECKPOINT = "enlarger"

    caller.post("/sdapi/v1/img2img", {"prompt": "a robot", "init_images": [text()]})

    assert placed() == "sd-1.5"


def test_the_default_is_within_the_keys_largest_picture(client, buyer, settings):
    settings.DEFAULT_CHECKPOINT = "sdxl-1.0"
    caller = Caller(client, buyer, max_pixels=512 * 512)

    caller.post("/v1/images/generations", {"prompt": "a robot"})

    assert placed() == "sd-1.5"


def test_a_size_that_none_can_make_is_named(caller):
    response = caller.post("/v1/images/generations", {"prompt": "a robot", "size": "7x7"})

    assert (response.status_code, response.json()["error"]["param"]) == (400, "size")


def test_lists_begin_with_the_default(caller, settings):
    settings.DEFAULT_CHECKPOINT = "sdxl-1.0"

    ids = [each["id"] for each in caller.get("/v1/models").json()["data"]]

    assert (ids[0], ids[-1]) == ("sdxl-1.0", "sketchbook")
    assert caller.get("/api/v1/checkpoints").json()["items"][0]["id"] == "sdxl-1.0"


def test_automatic1111s_options_name_the_default(caller, settings):
    settings.DEFAULT_CHECKPOINT = "enlarger"

    shown = caller.get("/sdapi/v1/options").json()["sd_model_checkpoint"]

    assert shown.startswith("sd-1.5 [")


def test_a_choice_that_cannot_do_a_later_calls_mode_does_not_break_it(caller):
    caller.post("/sdapi/v1/options", {"sd_model_checkpoint": "enlarger"})

    response = caller.post("/sdapi/v1/txt2img", {"prompt": "a robot"})

    assert response.status_code != 422, response.content
    assert placed() == "sd-1.5"


def test_a_choice_that_is_gone_is_the_default_again(caller, folder):
    caller.post("/sdapi/v1/options", {"sd_model_checkpoint": "sdxl-1.0"})
    (folder / "sdxl-1.0" / "model_index.json").unlink()

    caller.post("/sdapi/v1/txt2img", {"prompt": "a robot"})

    assert placed() == "sd-1.5"
    assert caller.get("/sdapi/v1/options").json()["sd_model_checkpoint"].startswith("sd-1.5 [")


def test_a_key_chooses_none_that_it_may_not_use(client, buyer):
    caller = Caller(client, buyer, checkpoints=["sketchbook"])

    response = caller.post("/sdapi/v1/options", {"sd_model_checkpoint": "sdxl-1.0"})

    assert response.status_code == 422
    assert "Model not found" in json.dumps(response.json())


def test_a_default_that_is_not_here_is_named_by_a_check(settings):
    settings.DEFAULT_CHECKPOINT = "sd-9"

    found = {each.id for each in checks.run_checks()}

    assert "generation.W004" in found
    settings.DEFAULT_CHECKPOINT = "sd-1.5"
    assert "generation.W004" not in {each.id for each in checks.run_checks()}
