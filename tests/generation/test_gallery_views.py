import re

import pytest
from django.urls import reverse

from tests.generation.rows import make_image, make_job

pytestmark = pytest.mark.django_db
URL = reverse("gallery")


def test_it_shows_the_pictures(client, alice):
    image = make_image(make_job(alice))
    client.force_login(alice)

    response = client.get(URL)

    assert response.status_code == 200
    assert reverse("image_thumbnail", args=[image.pk]) in response.text


def test_visitors_are_sent_to_sign_in(client):
    response = client.get(URL)

    assert response.url == f"{reverse('account_login')}?next={URL}"


def test_pictures_of_others_are_not_shown(client, alice, bob):
    make_image(make_job(alice))
    client.force_login(bob)

    response = client.get(URL)

    assert "<img" not in response.text


def test_other_methods_are_refused(client, alice):
    client.force_login(alice)

    assert client.post(URL).status_code == 405


def test_the_link_at_the_end_leads_to_the_older_ones(client, alice, monkeypatch):
    monkeypatch.setattr("generation.gallery.PAGE", 2)
    oldest = make_image(make_job(alice))
    for _ in range(2):
        make_image(make_job(alice))
    client.force_login(alice)
    link = re.search(r'href="(/gallery/\?before=[^"]+)"', client.get(URL).text)[1]

    response = client.get(link)

    assert reverse("image_thumbnail", args=[oldest.pk]) in response.text
    assert "?before=" not in response.text


def test_who_scrolls_is_sent_only_what_is_new(client, alice):
    make_image(make_job(alice))
    client.force_login(alice)

    response = client.get(URL, headers={"X-Fragment": "1"})

    assert "<img" in response.text
    assert "<html" not in response.text


def test_a_cursor_that_was_made_up_is_not_found(client, alice):
    client.force_login(alice)

    assert client.get(URL, {"before": "yesterday"}).status_code == 404


def test_an_empty_gallery_leads_to_the_studio(client, alice):
    client.force_login(alice)

    assert reverse("studio") in client.get(URL).text


def test_many_pictures_take_as_many_queries_as_one(
    client, alice, django_assert_num_queries, django_assert_max_num_queries
):
    client.force_login(alice)
    make_image(make_job(alice))
    with django_assert_max_num_queries(12) as few:
        client.get(URL)
    for _ in range(29):
        make_image(make_job(alice))

    with django_assert_num_queries(len(few.captured_queries)):
        client.get(URL)
