import pytest
from django.urls import reverse

from generation.images import library
from generation.models import Image
from tests.generation.rows import make_image, make_job

pytestmark = pytest.mark.django_db
URL = reverse("trash")


@pytest.fixture
def deleted(alice):
    image = make_image(make_job(alice))
    library.delete(alice, [image.pk])
    return image


def thumbnail(image):
    return reverse("trash_thumbnail", args=[image.pk])


def test_it_shows_what_was_deleted_and_how_long_it_stays(client, alice, deleted):
    kept = make_image(make_job(alice))
    client.force_login(alice)

    page = client.get(URL).text

    assert thumbnail(deleted) in page
    assert "4\xa0weeks" in page
    assert str(kept.pk) not in page


def test_the_owner_sees_a_deleted_picture_in_small(client, alice, deleted):
    client.force_login(alice)

    assert client.get(thumbnail(deleted))["Content-Type"] == "image/webp"


def test_a_kept_picture_is_not_in_the_trash(client, alice):
    client.force_login(alice)

    assert client.get(thumbnail(make_image(make_job(alice)))).status_code == 404


def test_the_latest_come_first_page_by_page(client, alice, monkeypatch):
    monkeypatch.setattr("generation.gallery.pages.PAGE", 1)
    images = [make_image(make_job(alice)) for _ in range(2)]
    for image in images:
        library.delete(alice, [image.pk])
    client.force_login(alice)

    first = client.get(URL)
    link = first.context["page"].older
    second = client.get(URL, {"before": link}, headers={"X-Fragment": "1"})

    assert str(images[1].pk) in first.text
    assert str(images[0].pk) in second.text
    assert "<html" not in second.text
    assert client.get(URL, {"before": "x"}).status_code == 404


def test_visitors_are_sent_to_sign_in(client, deleted):
    assert client.get(URL).url.startswith(reverse("account_login"))
    assert client.get(thumbnail(deleted)).url.startswith(reverse("account_login"))


def test_others_see_nothing_of_it(client, bob, deleted):
    client.force_login(bob)

    assert str(deleted.pk) not in client.get(URL).text
    assert client.get(thumbnail(deleted)).status_code == 404


def test_other_methods_are_refused(client, alice, deleted):
    client.force_login(alice)

    assert client.post(URL).status_code == 405
    assert client.post(thumbnail(deleted)).status_code == 405


def test_many_take_as_many_queries_as_one(client, alice, deleted, django_assert_num_queries):
    client.force_login(alice)
    with django_assert_num_queries(7) as few:
        client.get(URL)
    ids = [make_image(make_job(alice)).pk for _ in range(29)]
    library.delete(alice, ids)
    assert Image.objects.deleted().count() == 30

    with django_assert_num_queries(len(few)):
        client.get(URL)
