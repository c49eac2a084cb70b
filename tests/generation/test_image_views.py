from io import BytesIO

import PIL.Image
import pytest
from django.urls import reverse

from generation.models import Image
from tests.generation.rows import make_image, make_job

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

    for value in ("a red house", "64 × 64", "ddim", "sketchbook", "4.0"):
        assert value in page
    assert image.job.get_absolute_url() in page
    assert f"{reverse('studio')}?image={image.pk}" in page


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
