import pytest
from django.core.files.storage import default_storage

from accounts.deletion import NotYet
from generation import jobs
from generation.models import Image, Job, Status, Transition
from generation.personal_data import erasure
from tests.generation.rows import make_image, make_job, make_request

pytestmark = pytest.mark.django_db


def test_jobs_pictures_and_files_go_in_portions(alice, monkeypatch):
    monkeypatch.setattr(erasure, "AT_ONCE", 2)
    images = [make_image(make_job(alice)) for _ in range(5)]

    erasure.erase(alice)

    assert not Job.objects.exists()
    assert not Image.objects.exists()
    assert not Transition.objects.exists()
    assert not any(default_storage.exists(image.file) for image in images)
    assert not any(default_storage.exists(image.thumbnail) for image in images)


def test_deleted_pictures_have_files_too(alice):
    image = make_image(make_job(alice))
    Image.objects.update(deleted_at=image.created_at)

    erasure.erase(alice)

    assert not default_storage.exists(image.file)


def test_a_file_that_is_gone_already_is_no_hindrance(alice):
    image = make_image(make_job(alice))
    default_storage.delete(image.file)

    erasure.erase(alice)

    assert not Image.objects.exists()


def test_a_store_that_refuses_leaves_the_row_for_the_next_time(alice, monkeypatch):
    make_image(make_job(alice))

    def refuse(key):
        raise OSError("read-only")

    with monkeypatch.context() as patch:
        patch.setattr(default_storage, "delete", refuse)
        with pytest.raises(OSError, match="read-only"):
            erasure.erase(alice)
        assert Image.objects.exists()
    erasure.erase(alice)

    assert not Image.objects.exists()


def test_what_runs_is_asked_to_stop_and_waited_for(alice):
    running = make_job(alice, status=Status.RUNNING)

    with pytest.raises(NotYet):
        erasure.erase(alice)

    running.refresh_from_db()
    assert running.cancel_requested


def test_others_keep_theirs(alice, bob):
    image = make_image(make_job(bob))
    waiting = jobs.submit(bob, make_request())

    erasure.erase(alice)

    waiting.refresh_from_db()
    assert default_storage.exists(image.file)
    assert waiting.status == Status.QUEUED
