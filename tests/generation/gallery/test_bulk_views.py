"""Bulk actions: the checks that all share, then each action's own."""

import asyncio
import io
import zipfile

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from generation.gallery import boards
from generation.gallery.forms import MAX_SELECTED
from generation.images import library, zip_stream
from generation.models import Image
from tests.generation.rows import make_image, make_job, make_request

pytestmark = pytest.mark.django_db
BUTTONS = [
    "selected_favourite",
    "selected_hang",
    "selected_take_down",
    "selected_delete",
    "selected_restore",
    "selected_remove",
    "selected_download",
]
SCRIPT = {"X-Fragment": "1"}


@pytest.fixture
def image(alice):
    return make_image(make_job(alice))


@pytest.fixture
def board(alice):
    return boards.make(alice, name="Houses")


@pytest.fixture
def press(client, board):
    def press(button, /, *images, headers=None, **values):
        data = {"board": board.pk, "images": [each.pk for each in images], **values}
        return client.post(reverse(button), data, headers=headers)

    return press


def rows():
    return list(Image.objects.order_by("pk").values())


@pytest.mark.parametrize("name", BUTTONS)
def test_it_works_and_leads_back(client, alice, image, press, name):
    client.force_login(alice)

    response = press(name, image, next="/gallery/?q=house")

    if name == "selected_download":
        assert response["Content-Type"] == "application/zip"
    else:
        assert response.url == "/gallery/?q=house"


@pytest.mark.parametrize("name", [name for name in BUTTONS if name != "selected_download"])
def test_a_script_is_told_what_was_done(client, alice, image, press, name):
    client.force_login(alice)

    response = press(name, image, headers=SCRIPT)

    assert response.status_code == 200
    assert "1" in response.text
    assert "<" not in response.text


@pytest.mark.parametrize("name", [*BUTTONS, "selected_compare", "undo_delete"])
def test_visitors_are_sent_to_sign_in(image, press, name):
    before = rows()

    assert press(name, image).url.startswith(reverse("account_login"))
    assert rows() == before


@pytest.mark.parametrize("name", BUTTONS)
def test_pictures_of_others_are_not_found(client, alice, bob, image, press, name):
    hers = make_image(make_job(bob))
    before = rows()
    client.force_login(alice)

    assert press(name, image, hers).status_code == 404
    assert rows() == before


def test_no_board_is_made_for_pictures_of_others(client, bob, image, press):
    client.force_login(bob)

    assert press("selected_hang", image, board="", name="Castles").status_code == 404
    assert bob.boards.count() == 0


@pytest.mark.parametrize("name", ["selected_hang", "selected_take_down"])
@pytest.mark.parametrize("wrong", ["others", "0", "x", "9" * 30, "-1"])
def test_boards_of_others_are_not_found(client, bob, press, board, name, wrong):
    hers = make_image(make_job(bob))
    client.force_login(bob)

    response = press(name, hers, board=board.pk if wrong == "others" else wrong)

    assert response.status_code == 404


@pytest.mark.parametrize("name", [*BUTTONS, "selected_compare", "undo_delete"])
def test_other_methods_are_refused(client, alice, name):
    client.force_login(alice)

    assert client.get(reverse(name)).status_code == 405


@pytest.mark.parametrize("name", BUTTONS)
@pytest.mark.parametrize("images", [[], ["x"], ["00000000-0000-0000-0000-000000000000"] * 3])
def test_what_is_no_selection_is_refused(client, alice, press, name, images):
    client.force_login(alice)

    response = press(name, headers=SCRIPT, images=images)

    assert response.status_code == (404 if len(images) == 3 else 400)


@pytest.mark.parametrize("name", BUTTONS)
def test_too_many_at_once_are_refused(client, alice, press, name):
    client.force_login(alice)
    ids = [f"00000000-0000-0000-0000-{number:012}" for number in range(MAX_SELECTED + 1)]

    response = press(name, headers=SCRIPT, images=ids)

    assert response.status_code == 400
    assert str(MAX_SELECTED) in response.text


@pytest.mark.parametrize("page", ["https://evil.example/", "//evil.example", "javascript:x", ""])
def test_it_leads_nowhere_else(client, alice, image, press, page):
    client.force_login(alice)

    assert press("selected_favourite", image, next=page).url == reverse("gallery")


@pytest.mark.parametrize("name", [*BUTTONS, "undo_delete"])
def test_another_sites_form_does_nothing(alice, image, board, name):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    before = rows()

    response = client.post(reverse(name), {"images": [image.pk], "board": board.pk})

    assert response.status_code == 403
    assert rows() == before


def test_favorites_are_made_and_unmade(client, alice, image, press):
    client.force_login(alice)

    press("selected_favourite", image)
    assert Image.objects.get().favourite
    press("selected_favourite", image, off="1")
    assert not Image.objects.get().favourite


def test_a_new_board_is_made_for_them(client, alice, image, press):
    client.force_login(alice)

    press("selected_hang", image, board="", name="Castles")

    assert alice.boards.get(name="Castles").images.get() == image


@pytest.mark.parametrize("name", ["", "Houses", "x" * 81])
def test_a_board_needs_a_name_of_its_own(client, alice, image, press, name):
    client.force_login(alice)

    response = press("selected_hang", image, headers=SCRIPT, board="", name=name)

    assert response.status_code == 400
    assert alice.boards.count() == 1


def test_deleting_is_undone_in_the_session(client, alice, image, press):
    other = make_image(make_job(alice))
    client.force_login(alice)
    press("selected_delete", image, other)
    assert "2 pictures are in the trash" in client.get(reverse("gallery")).text

    response = press("undo_delete", headers=SCRIPT)

    assert response.text == "2 pictures are back."
    assert Image.objects.kept().count() == 2
    assert "in the trash" not in client.get(reverse("gallery")).text


def test_the_offer_to_undo_can_be_dismissed(client, alice, image, press):
    client.force_login(alice)
    press("selected_delete", image)

    press("undo_delete", dismiss="1")

    assert "is in the trash" not in client.get(reverse("gallery")).text
    assert Image.objects.kept().count() == 0


def test_undoing_twice_or_too_late_does_no_harm(client, alice, image, press):
    client.force_login(alice)
    press("selected_delete", image)
    library.remove(alice)
    library.sweep()

    assert press("undo_delete", headers=SCRIPT).status_code == 400
    assert press("undo_delete").url == reverse("gallery")


def test_the_trash_is_emptied(client, alice, image, press):
    client.force_login(alice)
    library.delete(alice, [image.pk])

    response = press("selected_remove", all="1", next=reverse("trash"))

    assert response.url == reverse("trash")
    assert "data-image" not in client.get(reverse("trash")).text


def test_two_are_compared(client, alice, image, press):
    other = make_image(make_job(alice))
    client.force_login(alice)

    assert press("selected_compare", image, other).url == (
        f"{reverse('compare')}?a={image.pk}&b={other.pk}"
    )
    assert press("selected_compare", image, headers=SCRIPT).status_code == 400


async def body_of(response):
    return b"".join([piece async for piece in response.streaming_content])


def test_the_archive_has_every_picture_under_a_name_that_says_what_it_is(client, alice, press):
    prompts = ["a red house", "a red house", "日落时的小船", "?!"]
    images = [make_image(make_job(alice, request=make_request(prompt=each))) for each in prompts]
    client.force_login(alice)

    response = press("selected_download", *images)

    # Under ASGI, Django reads a synchronous iterator to its end before it sends anything.
    assert response.is_async
    body = asyncio.run(body_of(response))
    with zipfile.ZipFile(io.BytesIO(body)) as file:
        assert file.testzip() is None
        assert file.namelist() == [
            "2026-01-01-picture-1.png",
            "2026-01-01-日落时的小船-2.png",
            "2026-01-01-a-red-house-3.png",
            "2026-01-01-a-red-house-4.png",
        ]
        with default_storage.open(images[0].file) as original:
            assert file.read("2026-01-01-a-red-house-4.png") == original.read()
    assert "no-store" in response["Cache-Control"]


def test_a_picture_whose_file_is_lost_is_left_out(client, alice, image, press):
    other = make_image(make_job(alice))
    default_storage.delete(other.file)
    client.force_login(alice)

    body = asyncio.run(body_of(press("selected_download", image, other)))

    with zipfile.ZipFile(io.BytesIO(body)) as file:
        assert file.namelist() == ["2026-01-01-a-red-house-2.png"]


def test_the_archive_is_made_as_it_is_read(alice, monkeypatch):
    images = [make_image(make_job(alice)) for _ in range(3)]
    opened = []
    open_file = default_storage.open
    monkeypatch.setattr(
        default_storage, "open", lambda name: opened.append(name) or open_file(name)
    )

    async def read_a_little():
        stream = zip_stream.stream(images)
        await anext(stream)
        await stream.aclose()

    asyncio.run(read_a_little())

    assert opened == [images[0].file]


def test_a_deleted_picture_is_not_downloaded(client, alice, image, press):
    library.delete(alice, [image.pk])
    client.force_login(alice)

    assert press("selected_download", image).status_code == 404
