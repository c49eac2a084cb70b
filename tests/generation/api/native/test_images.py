"""Images and uploads of the native API."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from generation.models import Job
from tests.generation.api.native.helpers import API, assert_problem, placed, png
from tests.generation.rows import make_image, make_upload

pytestmark = pytest.mark.django_db


def test_an_upload_is_named_by_its_digest(caller, buyer):
    file = SimpleUploadedFile("a.png", png(make_upload(buyer)), "image/png")

    response = caller.send(f"{API}/uploads", {"file": file})

    assert response.status_code == 201
    assert placed(caller, mode="image_to_image", image=response.json()["digest"])


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_a_picture_is_sent_in_the_format_that_is_asked_for(caller, format):
    image = make_image(Job.objects.get(pk=placed(caller)["id"]))

    response = caller.get(f"{API}/pictures/{image.pk}/file", {"format": format})

    assert response.headers["Content-Type"] == f"image/{format}"
    if format != "png":
        assert b"trainedAlgorithmicMedia" in response.content


def test_anothers_picture_is_not_found(caller, anothers):
    image = make_image(Job.objects.get(pk=placed(caller)["id"]))

    assert_problem(anothers.get(f"{API}/pictures/{image.pk}/file"), 404, "not_found")
    assert anothers.get(f"{API}/pictures").json()["items"] == []
    assert anothers.get(f"{API}/jobs").json()["items"] == []


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_picture_is_refused(caller, content):
    response = caller.send(f"{API}/uploads", {"file": SimpleUploadedFile("a.png", content)})

    assert response.status_code == 422
    assert response.json()["errors"].keys() == {"file"}
