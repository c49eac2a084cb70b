"""Input images belong to the user of the request."""

import pytest
from django.core.files.storage import default_storage

from generation import jobs
from generation.engine.enums import Mode
from generation.images import sources
from generation.models import Job
from tests.generation.rows import make_request, make_upload

pytestmark = pytest.mark.django_db


def an_image_to_image(upload):
    return make_request(mode=Mode.IMAGE_TO_IMAGE, image=upload.digest, strength=0.5)


def test_a_request_may_use_its_owners_picture(alice):
    upload = make_upload(alice)

    job = jobs.submit(alice, an_image_to_image(upload))

    opened = sources.open_all(alice.pk, job.generation_request)
    assert opened["image"].size == (64, 64)


def test_somebody_elses_picture_cannot_be_used(alice, bob):
    upload = make_upload(alice)

    with pytest.raises(sources.MissingPicture) as missing:
        jobs.submit(bob, an_image_to_image(upload))

    assert missing.value.field == "image"
    assert not Job.objects.exists()


def test_a_picture_whose_file_is_gone_is_missing(alice):
    upload = make_upload(alice)
    default_storage.delete(upload.file)

    with pytest.raises(sources.MissingPicture):
        sources.open_all(alice.pk, an_image_to_image(upload))


def test_the_input_images_of_a_request_are_found_by_field(alice, bob):
    upload = make_upload(alice)
    named = sources.named(an_image_to_image(upload))

    (source,) = sources.find(alice, named)

    assert (source.field, source.upload) == ("image", upload)
    assert sources.find(bob, named) == []
