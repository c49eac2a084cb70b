"""Detection by digest, signature and metadata, and its page."""

import struct
import zlib
from io import BytesIO

import PIL.Image
import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL.PngImagePlugin import PngInfo

from generation import jobs
from generation.engine.events import Finished
from generation.images import ai_label, detection, storage, uploads
from generation.images.ai_label import Mark
from generation.images.detection import Answer
from generation.models import Image, Job, Upload
from generation.worker import outcome
from tests.generation.carrying import CHARGES, submit_and_claim
from tests.generation.certificates import Issuer, use
from tests.generation.images import heic
from tests.generation.images.test_uploads import encoded, noise, png_that_claims
from tests.generation.rows import make_request

pytestmark = pytest.mark.django_db
URL = reverse("detect")


def made_by(user, *, picture=None, **values):
    """The file of an image made here."""
    job = submit_and_claim(user, **values)
    end = Finished(
        key="run", images=(picture or noise(size=(64, 64)),), seeds=(7,), charges=CHARGES
    )
    outcome.settle(job, end, inputs={}, device="a device")
    with default_storage.open(job.images.get().file) as file:
        return file.read()


def inspect(content):
    return detection.inspect(SimpleUploadedFile("picture", content))


def show(client, content, **options):
    file = SimpleUploadedFile("picture.png", content)
    return client.post(URL, {"picture": file}, **options)


def with_another_text(png):
    """The image with an extra text chunk, written by a program without C2PA."""
    body = b"tEXt" + b"Comment\0edited"
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    end = png.rindex(b"IEND") - 4
    return png[:end] + chunk + png[end:]


def with_pixels_of(content, format="PNG", **options):
    with PIL.Image.open(BytesIO(content)) as picture:
        return encoded(picture.convert("RGB"), format, **options)


def test_our_file_is_known_by_its_sum(alice):
    found = inspect(made_by(alice))

    assert found.answer == Answer.OURS
    assert found.is_known
    assert found.says_ours


def test_a_file_with_one_byte_more_is_no_longer_ours_for_certain(alice):
    found = inspect(made_by(alice) + b"\0")

    assert not found.is_known
    assert found.answer == Answer.SAYS_OURS


def test_our_signature_is_enough(alice, tmp_path, settings):
    use(settings, Issuer().issue(tmp_path))
    content = made_by(alice)
    Image.objects.all().delete()

    found = inspect(content)

    assert not found.is_known
    assert found.is_signed_by_us
    assert found.answer == Answer.OURS


def test_a_signed_picture_that_was_changed_is_told_of(alice, tmp_path, settings):
    use(settings, Issuer().issue(tmp_path))

    found = inspect(with_another_text(made_by(alice)))

    assert found.was_changed_after_signing
    assert found.answer != Answer.OURS


def test_anothers_signature_is_not_ours(alice, bob, tmp_path, settings):
    use(settings, Issuer("Other").issue(tmp_path / "other", name="Other"))
    content = made_by(alice)
    Image.objects.all().delete()
    use(settings, Issuer().issue(tmp_path / "ours"))

    found = inspect(content)

    assert found.is_signed_by_another
    assert found.metadata.signer == "Other"
    assert found.answer == Answer.SAYS_OURS


@pytest.mark.parametrize("format", ["WEBP", "JPEG"])
def test_a_picture_with_our_note_says_so_in_other_formats(format):
    mark = Mark(tool="Stepwise", system="Stable Diffusion")

    found = inspect(ai_label.encoded(noise(), format, mark))

    assert found.answer == Answer.SAYS_OURS


def test_a_thumbnail_bears_the_note(alice):
    made_by(alice)
    with default_storage.open(Image.objects.get().thumbnail) as file:
        found = inspect(file.read())

    assert found.answer == Answer.SAYS_OURS


def test_another_programs_picture_is_told_of():
    mark = Mark(tool="Another program", system="Another model")

    found = inspect(ai_label.encoded(noise(), "PNG", mark))

    assert found.answer == Answer.SAYS_AI
    assert found.metadata.tool == "Another program"


@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG"])
def test_without_its_marks_nothing_shows(alice, format):
    found = inspect(with_pixels_of(made_by(alice), format))

    assert found.answer == Answer.UNKNOWN


def test_a_picture_for_a_field_says_so(alice):
    job = jobs.submit(alice, make_request(), synthetic_for="medicine")
    (picture,) = storage.save(job, [noise(size=(64, 64))], seeds=(7,))

    with default_storage.open(picture.file) as file:
        found = inspect(file.read())

    assert found.metadata.disclaimer.startswith("Synthetic picture for medicine")


def test_who_makes_the_same_picture_learns_nothing_of_anothers(alice, bob):
    """Equal prompt, seed and pixels still give another user's file another digest."""
    of_alice = made_by(alice, prompt="a secret", seed=7)
    Image.objects.filter(user=alice).update(digest="")

    of_bob = made_by(bob, prompt="a secret", seed=7)

    assert of_alice != of_bob
    Image.objects.filter(user=bob).update(digest="")
    assert not inspect(of_bob).is_known


def test_nothing_is_kept_of_what_is_shown(client, alice):
    content = made_by(alice)
    before = (Image.objects.count(), Job.objects.count())

    show(client, content)

    assert (Image.objects.count(), Job.objects.count()) == before
    assert not Upload.objects.exists()


# The page ---------------------------------------------------------------------------------------


def test_it_works_without_an_account(client, alice):
    response = show(client, made_by(alice))

    assert response.status_code == 200
    assert "Yes, this picture was made here" in response.text


def test_it_tells_nothing_of_whose_picture_it_is(client, alice, bob):
    content = made_by(alice, prompt="a red house")
    image = Image.objects.get()
    client.force_login(bob)

    page = show(client, content).text

    for secret in (alice.email, str(image.pk), str(image.job_id), image.digest, "a red house"):
        assert secret not in page


def test_it_says_the_same_to_owner_and_stranger(client, alice, bob):
    content = made_by(alice)
    answers = []
    for user in (alice, bob):
        client.force_login(user)
        response = show(client, content)
        answers.append((response.context["finding"], response.status_code))

    assert answers[0] == answers[1]


def test_before_anything_was_shown_it_asks(client):
    response = client.get(URL)

    assert response.status_code == 200
    assert "finding" not in response.context


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "This file is empty."),
        (b"not a picture", "Use a PNG, JPEG, WebP, AVIF or HEIC picture."),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            "Use a PNG, JPEG, WebP, AVIF or HEIC picture.",
        ),
        (
            png_that_claims(20_000, 20_000),
            "Use a picture of at most 16 megapixels, or a JPEG of at most 50.",
        ),
        (encoded(noise(), "PNG")[:300], "This picture is damaged and cannot be read."),
        (b"\0" * (uploads.MAX_BYTES + 1), "Use a file of at most 20 MB."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_usable_picture_is_refused_with_the_reason(client, content, reason):
    response = show(client, content)

    assert response.status_code == 400
    assert response.context["form"].errors["picture"] == [reason]


def test_without_a_picture_it_asks_for_one(client):
    response = client.post(URL)

    assert response.status_code == 400
    assert response.context["form"].errors["picture"] == ["Choose a picture."]


def test_a_long_compressed_text_beside_a_picture_decides_nothing(client):
    info = PngInfo()
    info.add_text("parameters", "x" * 50_000_000, zip=True)
    info.add_text("Software", "Another program")

    response = show(client, encoded(noise(), "PNG", pnginfo=info))

    assert response.status_code == 200
    assert response.context["finding"].metadata.tool == "Another program"


def test_a_file_of_two_pictures_is_a_jpeg():
    content = encoded(noise(), "MPO", save_all=True, append_images=[noise("L").convert("RGB")])

    assert inspect(content).metadata.format == "JPEG"


def test_pictures_as_phones_take_them_are_looked_at():
    assert inspect(heic.TURNED).metadata.format == "HEIC"
    assert inspect(encoded(noise(), "AVIF")).metadata.format == "AVIF"


def test_other_methods_are_refused(client):
    assert client.put(URL).status_code == 405


def test_without_a_token_nothing_is_looked_at():
    assert show(Client(enforce_csrf_checks=True), encoded(noise(), "PNG")).status_code == 403


def test_who_asks_too_often_is_told_to_wait(client, monkeypatch):
    monkeypatch.setattr(detection, "inspect", lambda _: pytest.fail("it was looked at"))
    for _ in range(20):
        client.post(URL)

    response = show(client, encoded(noise(), "PNG"))

    assert response.status_code == 429
    assert response["Retry-After"] == "60"


def test_what_it_says_of_itself_is_shown_as_text(client):
    mark = Mark(tool="<script>alert(1)</script>", system="x")

    page = show(client, ai_label.encoded(noise(), "PNG", mark)).text

    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_one_query_finds_the_sum(client, alice, django_assert_num_queries):
    content = made_by(alice)

    with django_assert_num_queries(1):
        inspect(content)


def test_it_is_linked_from_every_page(client):
    assert f'href="{URL}"' in client.get(reverse("home")).text


@pytest.mark.parametrize(
    "xmp",
    ["a" * 10**6, "a:CreatorTool" + " " * 10**6, "a:CreatorTool" * 70_000],
    ids=["words", "spaces", "mentions"],
)
def test_a_long_packet_is_read_within_the_time_that_a_picture_has(xmp):
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp)
    buffer = BytesIO()
    noise(size=(8, 8)).save(buffer, "PNG", pnginfo=info)

    assert inspect(buffer.getvalue()).metadata.format == "PNG"
