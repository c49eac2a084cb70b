from io import StringIO

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from generation.management.commands import verify_pictures
from tests.generation.rows import make_image, make_job

pytestmark = pytest.mark.django_db


def verify():
    out, err = StringIO(), StringIO()
    try:
        call_command("verify_pictures", stdout=out, stderr=err)
    except CommandError as error:
        return str(error), err.getvalue()
    return out.getvalue().strip(), err.getvalue()


def test_pictures_with_their_files_are_complete(alice, monkeypatch):
    monkeypatch.setattr(verify_pictures, "AT_A_TIME", 2)
    for _ in range(5):
        make_image(make_job(alice))

    assert verify() == ("complete", "")


@pytest.mark.parametrize("name", ["file", "thumbnail"])
def test_a_picture_that_lacks_a_file_is_named(alice, monkeypatch, name):
    monkeypatch.setattr(verify_pictures, "AT_A_TIME", 2)
    images = [make_image(make_job(alice)) for _ in range(5)]
    lost = images[3]
    default_storage.delete(getattr(lost, name))

    said, named = verify()

    assert said == "1 files are missing"
    assert named == f"picture {lost.pk}: {getattr(lost, name)} is missing\n"


def test_a_picture_that_was_deleted_needs_no_files(alice):
    image = make_image(make_job(alice))
    default_storage.delete(image.file)
    image.deleted_at = timezone.now()
    image.save()

    assert verify() == ("complete", "")
