"""OpenAI's endpoints."""

import base64
import io

import PIL.Image
import pytest

from generation.models import Job
from tests.generation.api.callers import Caller
from tests.generation.api.formats import (
    OPENAI,
    ask,
    file,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("short_waits")]


def test_openais_answer_has_all_that_their_types_want(caller, worker):
    answer = ask(caller, OPENAI).json()

    assert PIL.Image.open(io.BytesIO(base64.b64decode(answer["data"][0]["b64_json"])))
    assert answer["usage"]["input_tokens_details"] == {"image_tokens": 0, "text_tokens": 0}
    assert (answer["size"], answer["output_format"]) == ("128x128", "png")


def test_openais_extras_reach_the_request(caller, worker):
    address, body, _is_form = OPENAI
    extras = {"negative_prompt": "people", "guidance_scale": 2.5, "n": 2, "user": "u"}

    caller.post(address, {**body, **extras})

    request = Job.objects.get().generation_request
    assert (request.negative_prompt, request.guidance_scale, request.num_images, request.seed) == (
        "people",
        2.5,
        2,
        7,
    )


@pytest.mark.parametrize(("style", "status"), [("vivid", 200), ("natural", 400), ("x", 400)])
def test_another_style_than_the_default_is_refused_by_name(caller, worker, style, status):
    address, body, _is_form = OPENAI

    response = caller.post(address, {**body, "style": style})

    assert response.status_code == status
    assert Job.objects.exists() == (status == 200)
    if status == 400:
        assert response.json()["error"]["param"] == "style"


def test_a_transparent_part_of_an_image_is_its_mask(caller, worker):
    holed = PIL.Image.new("RGBA", (128, 128), (255, 0, 0, 255))
    holed.paste((0, 0, 0, 0), (0, 0, 64, 128))
    buffer = io.BytesIO()
    holed.save(buffer, "PNG")

    caller.send("/v1/images/edits", {"prompt": "a tree", "image[]": file(buffer.getvalue())})

    assert Job.objects.get().generation_request.mode == "inpaint"


def test_the_same_wish_without_a_retry_is_another_picture(caller, worker):
    ask(caller, OPENAI)
    ask(caller, OPENAI)

    assert Job.objects.count() == 2


def test_a_retry_of_another_program_joins_nothing(caller, anothers, worker):
    ask(caller, OPENAI)
    ask(anothers, OPENAI, **{"X-Stainless-Retry-Count": "1"})

    assert Job.objects.count() == 2


def test_openais_sdk_is_told_not_to_try_again_without_credits(client, charlie):
    response = ask(Caller(client, charlie), OPENAI)

    assert response.json()["error"]["code"] == "insufficient_quota"
    assert response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"size": "7x7"}, "size"),
        ({"size": "9999999x9999999"}, "size"),
        ({"size": "large"}, "size"),
        ({"size": ["1x1"]}, "size"),
        ({"n": 0}, "n"),
        ({"n": 11}, "n"),
        ({"n": "many"}, "n"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"seed": -5}, "seed"),
        ({"num_inference_steps": 10**400}, "num_inference_steps"),
        ({"output_format": "gif"}, "output_format"),
        ({"response_format": "gif"}, "response_format"),
        ({"partial_images": 9}, "partial_images"),
        ({"output_compression": -1}, "output_compression"),
    ],
)
def test_openai_names_what_is_wrong(caller, changes, param):
    address, body, _is_form = OPENAI

    response = caller.post(address, {**body, **changes})

    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, param)
    assert error["type"] == "invalid_request_error"
    assert not Job.objects.exists()


def test_openai_refuses_numbers_that_json_lacks(caller):
    address, body, _is_form = OPENAI

    response = caller.post(address, {**body, "guidance_scale": float("nan")})

    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert not Job.objects.exists()


@pytest.mark.parametrize("model", ["dall-e-3", "gpt-image-1", ""])
def test_names_that_programs_have_built_in_are_the_default(caller, worker, model):
    address, body, _is_form = OPENAI

    assert caller.post(address, {**body, "model": model}).status_code == 200
