"""Pictures in OpenAI's requests: one each, in a form or in JSON."""

import base64

import pytest

from generation.models import Job, Upload
from tests.generation.api.formats import file, png, text

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("worker")]
EDITS, VARIATIONS = "/v1/images/edits", "/v1/images/variations"


def data_url(content=None):
    return f"data:image/png;base64,{text(content)}"


def request():
    return Job.objects.get().generation_request


@pytest.mark.parametrize(
    "names", [["image[]", "image[]"], ["image", "image"], ["image", "image[]"]]
)
@pytest.mark.parametrize("address", [EDITS, VARIATIONS])
def test_two_pictures_are_refused(caller, address, names):
    fields = {"prompt": "a blue sea"}
    for name in names:
        fields.setdefault(name, []).append(file(png(color="green")))

    response = caller.send(address, fields)

    assert (response.status_code, response.json()["error"]["param"]) == (400, "image")
    assert "2 were sent" in response.json()["error"]["message"]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "given",
    [
        {"images": [{"image_url": data_url()}]},
        {"images": [{"image_url": {"url": data_url()}}]},
        {"images": [data_url()]},
        {"image": data_url()},
        {"image": [{"type": "input_image", "image_url": data_url()}]},
    ],
)
def test_an_edit_may_be_json(caller, given):
    response = caller.post(EDITS, {"prompt": "a blue sea", "num_inference_steps": 30, **given})

    assert response.status_code == 200, response.content
    assert (request().mode, request().prompt) == ("image_to_image", "a blue sea")
    assert request().image == Upload.objects.get().digest


def test_a_mask_may_be_json_too(caller):
    mask = data_url(png("RGBA", (0, 0, 0, 0)))

    response = caller.post(
        EDITS, {"prompt": "a sea", "images": [data_url()], "mask": {"image_url": mask}}
    )

    assert response.status_code == 200, response.content
    assert request().mode == "inpaint"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"images": []},
        {"images": [{"image_url": data_url()}, {"image_url": data_url()}]},
        {"images": [{"file_id": "file-1"}]},
        {"images": [{"image_url": "https://example.com/a.png"}]},
        {"images": "https://example.com/a.png"},
        {"images": [7]},
        {"images": [{"image_url": "data:image/png;base64,%%%"}]},
        {"image": base64.b64encode(b"text").decode()},
    ],
)
def test_json_without_one_picture_of_its_own_is_refused(caller, given):
    response = caller.post(EDITS, {"prompt": "a blue sea", **given})

    assert (response.status_code, response.json()["error"]["param"]) == (400, "image")
    assert not Job.objects.exists()
