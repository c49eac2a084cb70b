import errno

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from accounts import media
from tests.disks import almost_full, incompressible


@pytest.fixture
def folder(tmp_path, settings):
    """An empty media folder."""
    default = settings.STORAGES["default"]
    default = {**default, "OPTIONS": {**default["OPTIONS"], "location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    return tmp_path


def files_in(folder):
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_a_file_is_stored_whole(folder):
    key = media.save("exports/1.zip", ContentFile(incompressible()))

    with default_storage.open(key) as file:
        assert file.read() == incompressible()


def test_a_full_disk_keeps_no_part_of_a_file(folder):
    with almost_full(), pytest.raises(OSError, match="File too large"):
        media.save("exports/1.zip", ContentFile(incompressible()))

    assert files_in(folder) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_known_by_its_error(number):
    assert media.is_out_of_room(OSError(number, "full"))
    assert not media.is_out_of_room(OSError(errno.EACCES, "forbidden"))
