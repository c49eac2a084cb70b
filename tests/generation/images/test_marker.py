"""A worker recognizes the site's media store by the marker that web processes write into it."""

import shutil
import threading

import pytest
from django.core.files.storage import FileSystemStorage
from django.db import DatabaseError

from generation.images import marker
from generation.models import MediaMarker

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_marker(db):
    """A web process that another test started may have left one."""
    MediaMarker.objects.all().delete()


class Away(FileSystemStorage):
    """A store that answers with an error of its own library."""

    def exists(self, name):
        raise ConnectionResetError("away")

    def _save(self, name, content):
        raise ConnectionResetError("away")


@pytest.fixture
def use(settings):
    def use(folder, backend="django.core.files.storage.FileSystemStorage"):
        options = {"location": folder, "base_url": None}
        default = {"BACKEND": backend, "OPTIONS": options}
        settings.STORAGES = {**settings.STORAGES, "default": default}

    return use


@pytest.fixture(autouse=True)
def media(use, tmp_path):
    use(tmp_path / "media")
    return tmp_path / "media"


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_before_the_first_web_process_wrote_one_every_store_will_do():
    assert marker.is_visible()


def test_the_store_that_web_wrote_to_is_the_sites():
    marker.write()

    assert marker.is_visible()


def test_another_store_is_not_the_sites(use, tmp_path):
    marker.write()

    use(tmp_path / "elsewhere")

    assert not marker.is_visible()


def test_an_old_copy_is_not_the_sites(use, media, tmp_path):
    marker.write()
    shutil.copytree(media, tmp_path / "copy")
    marker.write()

    use(tmp_path / "copy")

    assert not marker.is_visible()


def test_markers_do_not_pile_up(media):
    for _ in range(3):
        marker.write()

    assert len(files_in(media)) == 1
    assert marker.is_visible()


def test_a_store_that_is_no_file_system_keeps_it(use):
    marker.write()
    use(None, "django.core.files.storage.InMemoryStorage")
    assert not marker.is_visible()

    marker.write()
    marker.write()

    assert marker.is_visible()


def test_a_store_that_is_away_is_not_visible(use, media):
    marker.write()

    use(media, f"{__name__}.Away")

    assert not marker.is_visible()


def test_a_marker_that_could_not_be_written_replaces_none(use, media):
    marker.write()
    use(media, f"{__name__}.Away")

    with pytest.raises(ConnectionResetError):
        marker.write()

    use(media)
    assert marker.is_visible()


@pytest.mark.django_db(transaction=True)
def test_web_writes_it_as_soon_as_the_store_answers(monkeypatch):
    failures = [OSError("away"), DatabaseError("away")]
    really_write = marker.write

    def fail_first():
        if failures:
            raise failures.pop()
        really_write()

    monkeypatch.setattr(marker, "write", fail_first)
    monkeypatch.setattr(marker, "RETRY_SECONDS", 0)

    marker.keep_writing(threading.Event())

    assert marker.is_visible()
