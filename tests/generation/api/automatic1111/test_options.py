"""AUTOMATIC1111's options and png-info."""

import io

import PIL.Image
import pytest

from accounts.models import Scope
from tests.generation.api.callers import Caller
from tests.generation.api.formats import text
from tests.generation.images.programs import files

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("short_waits")]


def test_automatic1111s_options_are_kept_for_each_key(client, caller, buyer):
    another = Caller(client, buyer)
    chosen = caller.get("/sdapi/v1/sd-models").json()[0]["title"]

    caller.post("/sdapi/v1/options", {"sd_model_checkpoint": chosen, "mine": 1, "odd": [1]})

    assert caller.get("/sdapi/v1/options").json()["mine"] == 1
    assert "odd" not in caller.get("/sdapi/v1/options").json()
    assert "mine" not in another.get("/sdapi/v1/options").json()


def test_options_that_an_earlier_release_kept_without_effect_are_not_shown(caller):
    caller.key.options = {"sd_vae": "other.safetensors", "mine": 1}
    caller.key.save()

    shown = caller.get("/sdapi/v1/options").json()

    assert (shown["sd_vae"], shown["mine"]) == ("Automatic", 1)
    assert caller.post("/sdapi/v1/options", shown).status_code == 200


def test_png_info_reads_what_a_picture_says(caller):
    info = PIL.PngImagePlugin.PngInfo()
    info.add_text("parameters", "a tree\nSteps: 9, Seed: 3")
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info)

    answer = caller.post("/sdapi/v1/png-info", {"image": text(buffer.getvalue())}).json()

    assert answer["info"].startswith("a tree")
    assert answer["parameters"]["seed"] == 3


def test_png_info_reads_pictures_of_other_formats_and_programs(caller):
    said = '{"sui_image_params": {"prompt": "a tree", "steps": 9, "seed": NaN}}'
    content = files.with_comment("JPEG", said).read()

    answer = caller.post("/sdapi/v1/png-info", {"image": text(content)}).json()

    assert answer["info"] == said
    assert answer["parameters"] == {
        "prompt": "a tree",
        "negative_prompt": "",
        "num_inference_steps": 9,
    }


def test_a_key_that_may_only_read_changes_no_options(client, buyer):
    reader = Caller(client, buyer, scopes=[Scope.READ])

    response = reader.post("/sdapi/v1/options", {"mine": 1})

    assert response.status_code == 403
    assert reader.get("/sdapi/v1/options").status_code == 200
    assert reader.reloaded().options == {}
