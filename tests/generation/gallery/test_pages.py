import pytest

from generation import cursors
from generation.gallery import pages as gallery_pages
from generation.models import Image
from tests.generation.rows import make_image, make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(gallery_pages, "PAGE", 2)


def walk(user):
    """All pages in order."""
    page = gallery_pages.page(user)
    yield page.images
    while page.older:
        page = gallery_pages.page(user, before=page.older)
        yield page.images


def test_every_picture_is_on_one_page_newest_first(alice, small_pages):
    images = [make_image(make_job(alice)) for _ in range(5)]

    pages = list(walk(alice))

    assert pages == [images[4:2:-1], images[2:0:-1], images[:1]]


def test_pictures_of_one_moment_are_neither_lost_nor_shown_twice(alice, small_pages):
    for _ in range(5):
        make_image(make_job(alice))
    Image.objects.update(created_at=make_image(make_job(alice)).created_at)

    shown = [image.pk for images in walk(alice) for image in images]

    assert len(shown) == len(set(shown)) == 6


def test_a_picture_that_is_made_meanwhile_moves_no_other(alice, small_pages):
    images = [make_image(make_job(alice)) for _ in range(4)]
    first = gallery_pages.page(alice)
    make_image(make_job(alice))

    second = gallery_pages.page(alice, before=first.older)

    assert second.images == images[1::-1]


def test_a_full_last_page_promises_no_other(alice, small_pages):
    for _ in range(2):
        make_image(make_job(alice))

    assert gallery_pages.page(alice).older is None


def test_pictures_of_others_and_deleted_ones_are_not_shown(alice, bob):
    make_image(make_job(bob))
    deleted = make_image(make_job(alice))
    Image.objects.filter(pk=deleted.pk).update(deleted_at=deleted.created_at)

    assert gallery_pages.page(alice).images == []


@pytest.mark.parametrize("before", ["x", "1", "1-", "x-y", "9" * 30 + "-" + "0" * 32, "-1-2"])
def test_a_cursor_that_was_made_up_is_refused(alice, before):
    with pytest.raises(cursors.InvalidCursor):
        gallery_pages.page(alice, before=before)
