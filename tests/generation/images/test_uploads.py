"""Uploads are checked before decoding and stored as clean PNGs."""

import io
import struct
import zlib
from datetime import timedelta
from unittest.mock import Mock

import numpy as np
import PIL.Image
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from generation import jobs
from generation.engine.enums import Mode
from generation.images import uploads
from generation.models import Image, Upload
from tests.generation.images import heic
from tests.generation.rows import make_image, make_job, make_request

pytestmark = pytest.mark.django_db


def encoded(picture, format, **options):
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def noise(mode="RGB", size=(40, 30)):
    rng = np.random.default_rng(1)
    return PIL.Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)).convert(
        mode
    )


def stored(upload):
    with default_storage.open(upload.file) as file, PIL.Image.open(file) as picture:
        picture.load()
        return picture


def receive(user, content):
    return uploads.receive(user, ContentFile(content))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_the_common_formats_are_taken(alice, format):
    upload = receive(alice, encoded(noise(), format))

    assert (upload.width, upload.height) == (40, 30)
    assert stored(upload).format == "PNG"


def test_a_phones_picture_is_taken_within_the_limits_of_its_process(alice):
    upload = receive(alice, heic.TURNED)

    assert (upload.width, upload.height) == (32, 64)
    assert stored(upload).format == "PNG"


@pytest.mark.parametrize(
    ("mode", "format", "becomes"),
    [
        ("L", "PNG", "RGB"),
        ("LA", "PNG", "RGBA"),
        ("RGBA", "PNG", "RGBA"),
        ("P", "PNG", "RGB"),
        ("1", "PNG", "RGB"),
        ("CMYK", "JPEG", "RGB"),
    ],
)
def test_any_kind_of_pixels_becomes_plain_ones(alice, mode, format, becomes):
    upload = receive(alice, encoded(noise(mode), format))

    assert stored(upload).mode == becomes


def test_sixteen_bits_a_channel_keep_their_brightness(alice):
    deep = PIL.Image.fromarray(np.full((8, 8), 40_000, dtype=np.uint16))

    upload = receive(alice, encoded(deep, "PNG"))

    assert stored(upload).getpixel((0, 0)) == pytest.approx((156, 156, 156), abs=1)


def test_a_photo_taken_sideways_is_set_upright_and_tells_nothing_more(alice):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x013B] = "a name"

    upload = receive(alice, encoded(noise(), "JPEG", exif=exif))

    assert (upload.width, upload.height) == (30, 40)
    assert not stored(upload).getexif()


def test_of_an_animation_the_first_frame_is_taken(alice):
    frames = [PIL.Image.new("RGB", (8, 8), color) for color in ("red", "blue")]

    upload = receive(
        alice, encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    )

    assert stored(upload).getpixel((0, 0)) == (255, 0, 0)


def png_that_claims(width, height):
    """A tiny PNG whose header claims a huge image."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"not a picture at all", "format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "format"),
        (encoded(noise(), "GIF"), "format"),
        (encoded(noise(), "BMP"), "format"),
        (encoded(noise(), "TIFF"), "format"),
        (b"%PDF-1.7 " + encoded(noise(), "PNG"), "format"),
        (png_that_claims(20_000, 20_000), "size"),
        (png_that_claims(60_000, 60_000), "size"),
        (png_that_claims(4_097, 4_096), "size"),
        (png_that_claims(1, 16_777_216), "side"),
        (png_that_claims(16_385, 8), "side"),
        (encoded(noise(), "PNG")[:300], "damaged"),
        (encoded(noise(size=(400, 300)), "JPEG")[:2_000], "damaged"),
        (encoded(noise(), "WEBP")[:200], "damaged"),
        (png_that_claims(512, 512), "damaged"),
        (b"\0" * (uploads.MAX_BYTES + 1), "bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_what_is_no_usable_picture_is_refused_with_the_reason(alice, content, code):
    with pytest.raises(uploads.UploadRefused) as refused:
        receive(alice, content)

    assert refused.value.code == code
    assert str(refused.value)
    assert not Upload.objects.exists()


def test_a_decoder_that_never_ends_is_ended(alice, monkeypatch):
    monkeypatch.setattr(uploads, "SANITIZE", ("sleep", "60"))
    monkeypatch.setattr(uploads, "SANITIZE_SECONDS", 0.1)

    with pytest.raises(uploads.UploadRefused):
        receive(alice, encoded(noise(), "PNG"))


def test_a_decoder_that_dies_is_the_files_fault(alice, monkeypatch):
    monkeypatch.setattr(uploads, "SANITIZE", ("sh", "-c", "kill -SEGV $$"))

    with pytest.raises(uploads.UploadRefused) as refused:
        receive(alice, encoded(noise(), "PNG"))

    assert refused.value.code == "damaged"


def test_the_same_picture_is_kept_once_a_person(alice, bob):
    content = encoded(noise(), "PNG")

    first, again, other = receive(alice, content), receive(alice, content), receive(bob, content)

    assert first == again
    assert first.digest == other.digest
    assert first.file != other.file
    assert Upload.objects.count() == 2


def test_a_made_picture_can_be_started_from(alice):
    image = make_image(make_job(alice))

    upload = uploads.from_image(alice, image)

    assert (upload.width, upload.height) == (image.width, image.height)
    assert Image.objects.count() == 1


def test_what_nobody_uses_any_more_is_removed(alice):
    old = receive(alice, encoded(noise(), "PNG"))
    new = receive(alice, encoded(noise("L"), "PNG"))
    Upload.objects.filter(pk=old.pk).update(
        used_at=timezone.now() - uploads.KEPT_FOR - timedelta(days=1)
    )

    assert uploads.purge() == 1

    assert list(Upload.objects.all()) == [new]
    assert not default_storage.exists(old.file)


def test_what_breaks_off_is_removed_the_next_time(alice, monkeypatch):
    upload = receive(alice, encoded(noise(), "PNG"))
    Upload.objects.update(used_at=timezone.now() - uploads.KEPT_FOR - timedelta(days=1))

    def delete_and_break_off(name):
        default_storage.delete(name)
        raise OSError("the storage went away")

    with monkeypatch.context() as patch:
        patch.setattr(uploads, "default_storage", Mock(delete=delete_and_break_off))
        with pytest.raises(OSError, match="went away"):
            uploads.purge()
    assert Upload.objects.filter(pk=upload.pk).exists()

    assert uploads.purge() == 1
    assert not Upload.objects.exists()
    assert not default_storage.exists(upload.file)


def test_using_a_picture_keeps_it(alice):
    upload = receive(alice, encoded(noise(), "PNG"))
    Upload.objects.update(used_at=timezone.now() - uploads.KEPT_FOR - timedelta(days=1))

    jobs.submit(alice, make_request(mode=Mode.IMAGE_TO_IMAGE, image=upload.digest, strength=0.5))

    assert uploads.purge() == 0
