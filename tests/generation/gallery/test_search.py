"""Words and filters, on walks short enough to end among a test's few images."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generation.gallery import boards, pages, search
from generation.gallery.filters import GalleryFilter
from generation.images import library
from generation.models import Image, Shape
from tests.generation.rows import make_image, make_job, make_request

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def short_walk(monkeypatch):
    monkeypatch.setattr(search, "WALK", 2)


def draw(user, prompt="a red house", **values):
    return make_image(make_job(user, request=make_request(prompt=prompt)), **values)


def found(user, limit=100, **filters):
    return search.find(user, GalleryFilter(**filters), limit=limit)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("three red houses by the sea", "house"),
        ("three red houses by the sea", "Red HOUSE"),
        ("three red houses by the sea", "the houses by the sea"),
        ("a running fox", "runs"),
        ("a Café in Paris", "café"),
        ("ａ ｗｉｄｅ letter", "wide"),
        ("日落时海边的白色小船", "小船"),
        ("日落时海边的白色小船", "白"),
        ("日落时海边的白色小船", "白色小船"),
        ("日落时海边的白色小船", "小船 日落"),
        ("一座红色的房子, watercolor", "房子 watercolors"),
        ("8k photo of an owl's nest", "8k owl"),
    ],
)
def test_words_find_the_pictures_that_they_are_in(alice, prompt, words):
    draw(alice, "nothing of that")
    image = draw(alice, prompt)
    draw(alice, "nothing of that")

    assert found(alice, words=words) == [image]


@pytest.mark.parametrize(
    "words", ["zebra", "red zebra", "小狗", "船小", "=favourite", "=month:1:202601"]
)
def test_words_find_nothing_else(alice, words):
    draw(alice, "a red house")
    image = draw(alice, "白色小船")
    library.set_favorite(alice, [image.pk], favorite=True)

    assert found(alice, words=words) == []


@pytest.mark.parametrize("words", ["the of a", "'", "\\", ":* & !", "%s %"])
def test_words_that_say_nothing_leave_nothing_out(alice, words):
    images = [draw(alice) for _ in range(5)]

    assert found(alice, words=words) == images[::-1]


def test_pictures_of_others_are_not_found(alice, bob):
    for user in (bob, alice, bob, bob):
        draw(user)

    assert [image.user for image in found(alice, words="house")] == [alice]


def test_deleted_pictures_are_not_found(alice):
    images = [draw(alice) for _ in range(6)]
    library.delete(alice, [images[0].pk, images[5].pk])

    assert found(alice, words="house") == images[4:0:-1]


def test_pictures_of_many_months_are_found(alice):
    first = datetime(2024, 11, 15, tzinfo=UTC)
    images = [draw(alice, created_at=first + index * timedelta(days=40)) for index in range(12)]

    assert found(alice, words="house") == images[::-1]


def test_days_are_included(alice):
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    images = [draw(alice, created_at=noon + index * timedelta(days=1)) for index in range(6)]
    days = {"since": date(2026, 3, 2), "until": date(2026, 3, 5)}

    assert found(alice, **days) == found(alice, words="house", **days) == images[4:0:-1]


def test_each_filter_leaves_its_own(alice):
    images = [draw(alice, size=size) for size in [(64, 64), (64, 96), (96, 64)] * 2]
    board = boards.make(alice, name="Houses")
    boards.add(board, [images[0].pk, images[3].pk])
    library.set_favorite(alice, [images[1].pk, images[3].pk], favorite=True)
    Image.objects.filter(pk=images[5].pk).update(checkpoint="sd-1.5")

    assert found(alice, shape=Shape.PORTRAIT) == [images[4], images[1]]
    assert found(alice, board=board.pk) == [images[3], images[0]]
    assert found(alice, favorite=True) == [images[3], images[1]]
    assert found(alice, checkpoint="sd-1.5") == [images[5]]
    assert found(alice, board=board.pk, favorite=True) == [images[3]]
    assert found(alice, favorite=True, shape=Shape.PORTRAIT, words="house") == [images[1]]


def test_one_query_finds_them(alice, django_assert_num_queries):
    for _ in range(6):
        draw(alice)

    with django_assert_num_queries(1):
        found(alice, words="house", shape=Shape.SQUARE)


START = datetime(2026, 1, 30, tzinfo=UTC)
DRAWN = st.lists(
    st.tuples(
        st.sampled_from(["red house", "blue house", "red boat", "红色的船", "蓝色的船"]),
        st.sampled_from([(64, 64), (64, 96)]),
        st.booleans(),  # a favorite
        st.integers(0, 90),  # days after the start; some images share a moment
    ),
    max_size=12,
)
FILTERS = st.builds(
    GalleryFilter,
    words=st.sampled_from(["", "red", "house", "red house", "船", "红色", "boat red", "dog"]),
    shape=st.sampled_from(["", Shape.SQUARE, Shape.PORTRAIT]),
    favorite=st.booleans(),
    since=st.none() | st.just(START.date() + timedelta(days=20)),
    until=st.none() | st.just(START.date() + timedelta(days=70)),
)


def passes(filters, prompt, size, favorite, day):
    moment = (START + timedelta(days=day)).date()
    return (
        all(word in prompt for word in filters.words.split())
        and filters.shape in {"", Shape.of(*size)}
        and favorite >= filters.favorite
        and (filters.since or moment) <= moment <= (filters.until or moment)
    )


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(drawn=DRAWN, filters=FILTERS, data=st.data())
def test_pages_and_neighbors_are_those_of_a_plain_list(alice, drawn, filters, data):
    Image.objects.all().delete()
    job = make_job(alice)
    expected = []
    for index, (prompt, size, favorite, day) in enumerate(drawn):
        job.request = make_request(prompt=prompt).to_dict()
        moment = START + timedelta(days=day)
        image = make_image(job, index=index, size=size, created_at=moment)
        library.set_favorite(alice, [image.pk], favorite=favorite)
        if passes(filters, prompt, size, favorite, day):
            expected.append(image)
    expected.sort(key=lambda image: (image.created_at, image.pk), reverse=True)

    shown, before = [], ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "PAGE", 3)
        while before is not None:
            page = pages.page(alice, filters, before=before)
            shown, before = shown + page.images, page.older

    assert shown == expected
    around = [None, *expected, None]
    for place, image in enumerate(expected):
        assert pages.neighbors(image, filters) == (around[place], around[place + 2])
