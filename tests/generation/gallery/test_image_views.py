import re
from io import BytesIO

import PIL.Image
import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils.html import escape

from billing.models import Unit
from generation.engine.enums import MaskFill, Mode, NoiseScheduler, SigmaSchedule
from generation.gallery import boards, file_views
from generation.images import library
from generation.models import Image, Job
from tests.generation.rows import make_image, make_job, make_request, make_upload

pytestmark = pytest.mark.django_db
PAGE = "image"
FILES = ["image_file", "image_thumbnail", "image_download"]
FORMATS = {"image_file": "PNG", "image_thumbnail": "WEBP", "image_download": "PNG"}


@pytest.fixture
def image(alice):
    return make_image(make_job(alice))


def get(client, name, image, **headers):
    return client.get(reverse(name, args=[image.pk]), headers=headers)


def test_the_page_tells_everything_that_the_picture_was_made_from(client, alice, image):
    client.force_login(alice)

    page = get(client, PAGE, image).text

    for value in ("a red house", "64 × 64", "DDIM", "sketchbook", "4.0"):
        assert value in page
    assert image.job.get_absolute_url() in page
    assert f"{reverse('studio')}?image={image.pk}" in page


def test_the_page_shows_the_picture_that_it_was_made_from(client, alice):
    upload = make_upload(alice)
    request = make_request(mode=Mode.IMAGE_TO_IMAGE, image=upload.digest, strength=0.85)
    image = make_image(make_job(alice, request=request))
    client.force_login(alice)

    page = get(client, PAGE, image).text

    for value in ("Image to image", "0.85", reverse("upload_file", args=[upload.digest])):
        assert value in page


def test_the_page_calls_settings_as_the_studio_does(client, alice):
    pictures = {name: make_upload(alice).digest for name in ("image", "mask")}
    request = make_request(
        mode=Mode.INPAINT,
        noise_scheduler=NoiseScheduler.DPM2_ANCESTRAL,
        sigma_schedule=SigmaSchedule.SGM_UNIFORM,
        mask_fill=MaskFill.LATENT_NOISE,
        **pictures,
    )
    image = make_image(make_job(alice, request=request))
    client.force_login(alice)

    page = get(client, PAGE, image, **{"Accept-Language": "zh-hans"}).text

    for value in ("DPM2 a", "SGM Uniform", "噪声"):
        assert f"<dd>{value}</dd>" in page


def test_the_page_shows_a_seed_of_zero(client, alice):
    image = make_image(make_job(alice, request=make_request(seed=7)))
    Image.objects.filter(pk=image.pk).update(seed=0)
    client.force_login(alice)

    assert "<dd>0</dd>" in get(client, PAGE, image).text


@pytest.mark.parametrize(
    ("cost", "shown"),
    [
        ({"charged_ms": 1_234}, "1.234 s of GPU time"),
        ({"unit": Unit.CREDITS, "charged_ms": 0, "charged_credits": 500}, "0.5 credits"),
        ({"is_relaxed": True, "charged_ms": 0}, "free, as relaxed"),
    ],
)
def test_the_page_says_what_the_picture_cost_in_its_unit(client, alice, image, cost, shown):
    Job.objects.update(**cost)
    client.force_login(alice)

    page = get(client, PAGE, image).text

    assert f'<span class="number">{shown}</span>' in page


@pytest.mark.parametrize("name", FILES)
def test_the_owner_is_sent_the_picture(client, alice, image, name):
    client.force_login(alice)

    response = get(client, name, image)

    with PIL.Image.open(BytesIO(response.getvalue())) as picture:
        assert picture.format == FORMATS[name]


def test_a_download_is_saved_under_a_name_of_its_own(client, alice, image):
    client.force_login(alice)

    response = get(client, "image_download", image)

    assert response["Content-Disposition"] == f'attachment; filename="{image.pk}.png"'


@pytest.mark.parametrize("name", [PAGE, "image_download"])
def test_visitors_are_sent_to_sign_in(client, image, name):
    assert get(client, name, image).url.startswith(reverse("account_login"))


@pytest.mark.parametrize("name", ["image_file", "image_thumbnail"])
def test_visitors_find_no_file(client, image, name):
    assert get(client, name, image).status_code == 404


@pytest.mark.parametrize("name", [PAGE, *FILES])
def test_others_find_nothing(client, bob, image, name):
    client.force_login(bob)

    assert get(client, name, image).status_code == 404


@pytest.mark.parametrize("name", FILES)
def test_others_find_nothing_even_if_they_know_its_tag(client, alice, bob, image, name):
    client.force_login(alice)
    tag = get(client, name, image)["ETag"]
    client.force_login(bob)

    assert get(client, name, image, if_none_match=tag).status_code == 404


@pytest.mark.parametrize("name", [PAGE, *FILES])
def test_a_deleted_picture_is_gone(client, alice, image, name):
    Image.objects.update(deleted_at=image.created_at)
    client.force_login(alice)

    assert get(client, name, image).status_code == 404


@pytest.mark.parametrize("name", [PAGE, *FILES])
def test_other_methods_are_refused(client, alice, image, name):
    client.force_login(alice)

    assert client.post(reverse(name, args=[image.pk])).status_code == 405


@pytest.mark.parametrize("name", FILES)
def test_no_shared_cache_keeps_it_and_the_browser_asks_once(client, alice, image, name):
    client.force_login(alice)

    response = get(client, name, image)

    assert "private" in response["Cache-Control"]
    assert "immutable" in response["Cache-Control"]
    assert get(client, name, image, if_none_match=response["ETag"]).status_code == 304


@pytest.mark.parametrize("name", FILES)
def test_no_browser_takes_it_for_a_page(client, alice, image, name):
    client.force_login(alice)

    response = get(client, name, image)

    assert response["Content-Type"] in {"image/png", "image/webp"}
    assert response["X-Content-Type-Options"] == "nosniff"


def links(page, rel):
    return re.findall(rf'href="([^"]+)"[^>]* rel="{rel}"', page)


def test_the_neighbors_are_those_in_the_gallery_that_one_came_from(client, alice):
    prompts = ["a red house", "a boat", "a red house", "a boat", "a red house"]
    images = [make_image(make_job(alice, request=make_request(prompt=each))) for each in prompts]
    client.force_login(alice)

    everything = get(client, PAGE, images[2]).text
    houses = client.get(f"{images[2].get_absolute_url()}?q=house").text

    assert links(everything, "prev") == [images[3].get_absolute_url()]
    assert links(everything, "next") == [images[1].get_absolute_url()]
    assert links(houses, "prev") == [f"{images[4].get_absolute_url()}?q=house"]
    assert links(houses, "next") == [f"{images[0].get_absolute_url()}?q=house"]


def test_the_first_and_the_last_have_one_neighbor(client, alice, image):
    client.force_login(alice)

    page = get(client, PAGE, image).text

    assert links(page, "prev") == links(page, "next") == []


def test_the_settings_are_used_again_with_the_seed_and_varied_without(client, alice, image):
    client.force_login(alice)
    page = get(client, PAGE, image).text
    assert escape(image.again_url) in page
    assert escape(image.variation_url) in page

    again, variation = (
        client.get(url).context["form"] for url in (image.again_url, image.variation_url)
    )

    assert again["prompt"].value() == variation["prompt"].value() == "a red house"
    assert again["seed"].value() == image.seed
    assert variation["seed"].value() is None


def test_the_page_knows_the_boards_that_it_hangs_on(client, alice, image):
    on, off = boards.make(alice, name="On"), boards.make(alice, name="Off")
    boards.add(on, [image.pk])
    client.force_login(alice)

    page = get(client, PAGE, image)

    assert {board.pk: board.has_it for board in page.context["boards"]} == {
        on.pk: True,
        off.pk: False,
    }


def test_who_deletes_a_picture_may_undo_it_on_the_next_page(client, alice, image):
    other = make_image(make_job(alice))
    client.force_login(alice)
    client.post(reverse("selected_delete"), {"images": [image.pk]})

    assert "1 picture is in the trash" in get(client, PAGE, other).text


def test_two_pictures_are_compared(client, alice, image):
    other = make_image(make_job(alice, request=make_request(prompt="a boat")))
    client.force_login(alice)

    page = client.get(reverse("compare"), {"a": image.pk, "b": other.pk}).text

    assert page.index("a red house") < page.index("a boat")


@pytest.mark.parametrize("b", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_there_must_be_two_to_compare(client, alice, image, b):
    client.force_login(alice)

    assert client.get(reverse("compare"), {"a": image.pk, "b": b}).status_code == 404


def test_pictures_of_others_and_deleted_ones_are_not_compared(client, alice, bob, image):
    hers = make_image(make_job(bob))
    gone = make_image(make_job(alice))
    library.delete(alice, [gone.pk])
    client.force_login(alice)

    for other in (hers, gone):
        query = {"a": image.pk, "b": other.pk}
        assert client.get(reverse("compare"), query).status_code == 404
    assert client.post(reverse("compare")).status_code == 405
    client.logout()
    assert client.get(reverse("compare")).url.startswith(reverse("account_login"))


@pytest.mark.parametrize("name", ["image_jpeg", "image_webp"])
def test_its_owner_gets_another_format_in_the_default_quality_alone(client, alice, image, name):
    client.force_login(alice)
    url = reverse(name, args=[image.pk])

    answers = [client.get(url + query).status_code for query in ("", "?quality=90", "?quality=91")]

    assert answers == [200, 200, 404]
    assert not any(cache.get(f"picture.{image.pk}.{name[6:]}.{each}") for each in (90, 91))


def test_conversions_of_a_session_are_limited(client, alice, image, monkeypatch):
    monkeypatch.setattr(file_views, "MOST_CONVERSIONS", 2)
    client.force_login(alice)

    responses = [get(client, "image_jpeg", image) for _ in range(3)]

    assert [each.status_code for each in responses] == [200, 200, 429]
    assert responses[2].headers["Retry-After"] == "60"
