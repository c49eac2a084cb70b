import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from generation.gallery import boards
from generation.images import library
from generation.models import Image
from tests.generation.rows import make_image, make_job, make_request

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
    monkeypatch.setattr("generation.gallery.pages.PAGE", 2)
    oldest = make_image(make_job(alice))
    for _ in range(2):
        make_image(make_job(alice))
    client.force_login(alice)
    link = re.search(r'href="(/gallery/\?before=[^"]+)"', client.get(URL).text)[1]

    response = client.get(link)

    assert reverse("image_thumbnail", args=[oldest.pk]) in response.text
    assert "data-more " not in response.text


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


def shown(client, **query):
    """Ids of the images on the page."""
    return re.findall(r'data-image="([^"]+)"', client.get(URL, query).text)


def ids(*images):
    return [str(image.pk) for image in images]


@pytest.fixture
def drawn(client, alice):
    client.force_login(alice)
    prompts = ["a red house", "a blue boat", "红色的房子"]
    sizes = [(64, 64), (64, 96), (96, 64)]
    return [
        make_image(make_job(alice, request=make_request(prompt=prompt)), size=size)
        for prompt, size in zip(prompts, sizes, strict=True)
    ]


def test_each_filter_shows_its_own(client, alice, drawn):
    house, boat, chinese = drawn
    board = boards.make(alice, name="Houses")
    boards.add(board, [house.pk, chinese.pk])
    library.set_favorite(alice, [boat.pk], favorite=True)
    Image.objects.filter(pk=boat.pk).update(checkpoint="gone")

    assert shown(client) == ids(chinese, boat, house)
    assert shown(client, q="houses") == ids(house)
    assert shown(client, q="房子") == ids(chinese)
    assert shown(client, shape="portrait") == ids(boat)
    assert shown(client, favourite="on") == ids(boat)
    assert shown(client, checkpoint="gone") == ids(boat)
    assert shown(client, board=board.pk) == ids(chinese, house)
    assert shown(client, board=board.pk, q="house") == ids(house)
    assert shown(client, since="2026-01-01", until="2026-01-01") == ids(chinese, boat, house)
    assert shown(client, until="2025-12-31") == []


def test_only_checkpoints_that_were_used_are_offered(client, drawn):
    Image.objects.filter(pk=drawn[0].pk).update(checkpoint="gone")

    page = client.get(URL).text

    assert re.findall(r'<option value="([^"]*)"', page.partition('name="shape"')[0]) == [
        "",
        "gone",
        "sketchbook",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("since", "yesterday"),
        ("since", "0001-01-01"),
        ("until", "9999-12-31"),
        ("shape", "round"),
        ("q", "x" * 201),
        ("board", "x"),
    ],
)
def test_a_filter_that_makes_no_sense_is_told_and_filters_nothing(client, drawn, name, value):
    assert shown(client, **{name: value}) == ids(*drawn[::-1])


@pytest.mark.parametrize("q", ["'; DROP", "%s", "\\", "<script>", "a & b | !c", "\ud800"])
def test_any_words_can_be_looked_for(client, drawn, q):
    response = client.get(f"{URL}?q={q}".encode("utf-8", "surrogatepass").decode("latin-1"))

    assert response.status_code == 200
    assert "<script>" not in response.text.partition('<script type="module"')[0]


def test_words_that_cannot_be_stored_are_refused(client, drawn):
    assert client.get(URL, {"q": "\0"}).status_code == 400


def test_the_filters_stay_when_one_pages(client, alice, monkeypatch):
    monkeypatch.setattr("generation.gallery.pages.PAGE", 1)
    client.force_login(alice)
    images = [make_image(make_job(alice)) for _ in range(2)]
    page = client.get(URL, {"q": "red house", "shape": "square"}).text
    link = re.search(r'data-more href="([^"]+)"', page)[1].replace("&amp;", "&")

    response = client.get(link, headers={"X-Fragment": "1"})

    assert "q=red+house&shape=square&before=" in link
    assert f'data-image="{images[0].pk}"' in response.text


@pytest.mark.parametrize("query", [{}, {"q": "house", "shape": "square"}, {"favourite": "on"}])
def test_three_queries_find_what_the_gallery_shows(client, alice, query):
    client.force_login(alice)
    make_image(make_job(alice))
    client.get(URL, query)

    with CaptureQueriesContext(connection) as few:
        client.get(URL, query)
    for _ in range(29):
        make_image(make_job(alice))
    with CaptureQueriesContext(connection) as many:
        client.get(URL, query)

    own = [each for each in many if re.search("generation_(image|board)", each["sql"])]
    assert len(own) == 3
    assert len(many) == len(few)


@pytest.mark.parametrize("query", [{"q": "giraffe"}, {"favourite": "on"}, {"shape": "square"}])
def test_where_nothing_is_found_a_link_leads_on(client, alice, query):
    client.force_login(alice)

    page = client.get(URL, query).text

    assert 'class="empty"' in page
    assert f'href="{URL}"' in page
