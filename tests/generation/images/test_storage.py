import errno
import json
from io import BytesIO

import PIL.Image
import pytest
from django.core import signing
from django.core.files.storage import FileSystemStorage, default_storage

from generation.engine.request import GenerationRequest
from generation.images import storage
from generation.models import Status
from tests.generation.rows import make_image, make_job, make_request

pytestmark = pytest.mark.django_db
LINKS = ["image_file", "image_thumbnail"]


class AlmostFullDisk(FileSystemStorage):
    """A store that accepts `room` more files."""

    def __init__(self, *, room, **options):
        super().__init__(**options)
        self.room = room

    def _save(self, name, content):
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= 1
        return super()._save(name, content)


@pytest.fixture
def job(alice):
    request = make_request(num_images=2, width=512, height=256, prompt="a red house")
    return make_job(alice, status=Status.RUNNING, request=request)


@pytest.fixture
def folder(tmp_path, settings):
    """An empty media folder."""
    return use_storage(settings, tmp_path, "django.core.files.storage.FileSystemStorage")


def use_storage(settings, folder, backend, **options):
    options |= {"location": folder, "base_url": None}
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend, "OPTIONS": options}}
    return folder


def files_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def two_pictures():
    return [PIL.Image.new("RGB", (512, 256), color) for color in ("teal", "navy")]


def opened(key):
    with default_storage.open(key) as file:
        return PIL.Image.open(BytesIO(file.read()))


def test_each_picture_is_stored_with_its_thumbnail(job, folder):
    first, second = storage.save(job, two_pictures(), seeds=(7, 8))

    assert len(files_in(folder)) == 4
    assert (first.index, first.seed, second.index, second.seed) == (0, 7, 1, 8)
    with opened(first.file) as picture:
        assert (picture.format, picture.size) == ("PNG", (first.width, first.height))
        assert picture.getpixel((0, 0)) == (0, 128, 128)
    with opened(first.thumbnail) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("WEBP", (384, 192))
    assert default_storage.size(first.file) == first.bytes


def test_a_picture_says_how_it_was_made(job, folder):
    _first, second = storage.save(job, two_pictures(), seeds=(7, 8))

    with opened(second.file) as picture:
        parameters = picture.text["parameters"]
        again = GenerationRequest.from_dict(json.loads(picture.text["request"]))

    assert parameters.startswith("a red house")
    assert "Seed: 8" in parameters
    assert again == make_request(width=512, height=256, seed=8)


def test_words_of_every_script_survive_in_the_picture(alice, folder):
    words = "红房子 🏠 \u202eright to left"
    job = make_job(alice, status=Status.RUNNING, request=make_request(prompt=words))

    (stored,) = storage.save(job, two_pictures()[:1], seeds=(7,))

    with opened(stored.file) as picture:
        assert picture.text["parameters"].startswith(words)


def test_two_attempts_do_not_share_files(job, folder):
    storage.save(job, two_pictures(), seeds=(7, 8))
    job.attempt += 1

    storage.save(job, two_pictures(), seeds=(7, 8))

    assert len(files_in(folder)) == 8


def test_discard_sweeps_up_what_this_attempt_wrote(job, folder):
    kept = storage.save(job, two_pictures(), seeds=(7, 8))
    job.attempt += 1
    storage.save(job, two_pictures(), seeds=(7, 8))

    storage.discard(job)

    assert len(files_in(folder)) == 4
    assert default_storage.exists(kept[0].file)


def test_discard_of_what_was_never_written_has_no_effect(job, folder):
    storage.discard(job)

    assert files_in(folder) == []


def test_discard_leaves_the_pictures_that_a_row_points_to(job, folder):
    first, _second = storage.save(job, two_pictures(), seeds=(7, 8))
    job.images.create(
        user=job.user,
        index=first.index,
        seed=first.seed,
        width=first.width,
        height=first.height,
        file=first.file,
        thumbnail=first.thumbnail,
        bytes=first.bytes,
    )

    storage.discard(job)

    assert {path.name for path in files_in(folder)} == {
        f"{job.pk}-0-0.png",
        f"{job.pk}-0-0.webp",
    }


@pytest.mark.parametrize("room", [0, 1, 2, 3])
def test_a_disk_that_fills_up_is_told_and_left_clean(job, tmp_path, settings, room):
    use_storage(settings, tmp_path, f"{__name__}.AlmostFullDisk", room=room)

    with pytest.raises(storage.StorageRefused, match="No space left"):
        storage.save(job, two_pictures(), seeds=(7, 8))

    assert files_in(tmp_path) == []


def test_a_disk_that_does_not_even_delete_is_told_of(job, tmp_path, settings, monkeypatch):
    def refuse(*args):
        raise OSError(errno.EIO, "Input/output error")

    use_storage(settings, tmp_path, f"{__name__}.AlmostFullDisk", room=1)
    monkeypatch.setattr(AlmostFullDisk, "delete", refuse)

    with pytest.raises(storage.StorageRefused, match="No space left"):
        storage.save(job, two_pictures(), seeds=(7, 8))


def test_a_disk_with_just_enough_room_takes_them(job, tmp_path, settings):
    use_storage(settings, tmp_path, f"{__name__}.AlmostFullDisk", room=4)

    storage.save(job, two_pictures(), seeds=(7, 8))

    assert len(files_in(tmp_path)) == 4


@pytest.fixture
def image(alice):
    return make_image(make_job(alice))


@pytest.mark.parametrize("name", LINKS)
def test_whoever_has_a_signed_link_sees_the_picture(client, image, name):
    response = client.get(storage.signed_url(image, name=name))

    assert response.status_code == 200
    assert "private" in response["Cache-Control"]


@pytest.mark.parametrize("name", LINKS)
def test_a_signed_link_expires(client, image, name, monkeypatch):
    url = storage.signed_url(image, name=name)
    now = signing.time.time()

    monkeypatch.setattr(signing.time, "time", lambda: now + storage.SIGNATURE_SECONDS - 1)
    assert client.get(url).status_code == 200
    monkeypatch.setattr(signing.time, "time", lambda: now + storage.SIGNATURE_SECONDS + 1)

    assert client.get(url).status_code == 404


@pytest.mark.parametrize("name", LINKS)
def test_a_link_to_one_file_does_not_open_the_other(client, image, name):
    (other,) = set(LINKS) - {name}
    _path, signature = storage.signed_url(image, name=name).split("?")
    path, _signature = storage.signed_url(image, name=other).split("?")

    assert client.get(f"{path}?{signature}").status_code == 404


def test_a_link_to_one_picture_does_not_open_another(client, image):
    another = make_image(image.job, index=1)
    _path, signature = storage.signed_url(image, name="image_file").split("?")
    path, _signature = storage.signed_url(another, name="image_file").split("?")

    assert client.get(f"{path}?{signature}").status_code == 404


@pytest.mark.parametrize("position", [0, -1, -20])
def test_a_link_that_was_tampered_with_opens_nothing(client, image, position):
    url = storage.signed_url(image, name="image_file")
    path, signature = url.split("?signature=")
    letters = list(signature)
    letters[position] = "A" if letters[position] != "A" else "B"

    assert client.get(f"{path}?signature={''.join(letters)}").status_code == 404


@pytest.mark.parametrize("signature", ["", ":", "::", "x:y", "\x00", "1:" + "a" * 5_000])
def test_what_is_no_signature_opens_nothing(image, signature):
    assert not storage.is_signed(image.pk, name="image_file", signature=signature)


def test_a_signed_link_to_a_deleted_picture_opens_nothing(client, image):
    url = storage.signed_url(image, name="image_file")
    type(image).objects.update(deleted_at=image.created_at)

    assert client.get(url).status_code == 404
