import json
from zipfile import ZIP_STORED, ZipFile

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from accounts.archive import Archive


@pytest.fixture
def path(tmp_path):
    return tmp_path / "export.zip"


@pytest.fixture
def steps():
    return []


@pytest.fixture
def archive(path, steps):
    return Archive(path, on_step=lambda: steps.append(1))


def test_data_becomes_json(archive, path):
    with archive:
        archive.add_json("account.json", {"name": "Élodie 你好"})

    with ZipFile(path) as zip:
        assert json.loads(zip.read("account.json")) == {"name": "Élodie 你好"}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_rows_become_an_array_one_by_one(archive, path, steps, count):
    with archive:
        archive.add_rows("jobs.json", ({"n": n} for n in range(count)))

    with ZipFile(path) as zip:
        assert json.loads(zip.read("jobs.json")) == [{"n": n} for n in range(count)]
    assert len(steps) == count


def test_a_file_is_copied_as_it_is_and_not_packed_again(archive, path, steps):
    key = default_storage.save("tests/picture.png", ContentFile(b"PNG" * 1_000_000))
    with archive:
        archive.add_file("pictures/1.png", key)

    with ZipFile(path) as zip:
        assert zip.read("pictures/1.png") == b"PNG" * 1_000_000
        assert zip.getinfo("pictures/1.png").compress_type == ZIP_STORED
    assert len(steps) == 1


def test_a_file_that_is_gone_is_left_out(archive, path, steps):
    with archive:
        found = archive.add_file("pictures/1.png", "tests/gone.png")

    with ZipFile(path) as zip:
        assert zip.namelist() == []
    assert (found, steps) == (False, [])
