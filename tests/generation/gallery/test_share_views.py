import re
from io import BytesIO

import PIL.Image
import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from generation.gallery import shares
from generation.images import library, storage
from generation.models import Image, Share
from tests.generation.rows import make_image, make_job, make_request

pytestmark = pytest.mark.django_db
LIST = reverse("shares")


@pytest.fixture
def image(alice):
    """An image whose PNG contains its settings, like the worker's."""
    job = make_job(alice, request=make_request(prompt="a secret house"))
    image = make_image(job)
    (stored,) = storage.save(job, [PIL.Image.new("RGB", (64, 64), "teal")], seeds=(7,))
    image.file = stored.file
    image.save(update_fields=["file"])
    return image


@pytest.fixture
def bare(image):
    return shares.make(image, shows_prompt=False)


@pytest.fixture
def open_share(image):
    return shares.make(image, shows_prompt=True)


def share(client, image, **data):
    return client.post(reverse("share_make", args=[image.pk]), data)


def revoke(client, link):
    return client.post(reverse("share_revoke", args=[link.pk]))


def test_the_owner_makes_a_link_and_sees_it(client, alice, image):
    client.force_login(alice)

    response = share(client, image, shows_prompt="on")

    link = Share.objects.get()
    assert response.url == f"{image.get_absolute_url()}#share"
    assert link.shows_prompt
    assert link.get_absolute_url() in client.get(image.get_absolute_url()).text
    assert link.get_absolute_url() in client.get(LIST).text


def test_nothing_but_the_picture_is_shown_unless_the_owner_says_so(client, alice, image):
    client.force_login(alice)

    share(client, image)

    assert not Share.objects.get().shows_prompt


def test_visitors_see_the_picture_alone(client, bare):
    page = client.get(bare.get_absolute_url()).text

    assert "secret" not in page
    assert "DDIM" not in page
    assert str(bare.image.pk) not in page


def test_visitors_see_prompt_and_settings_where_the_owner_shows_them(client, open_share):
    page = client.get(open_share.get_absolute_url()).text

    assert "a secret house" in page
    assert "DDIM" in page


def file_of(client, link):
    page = client.get(link.get_absolute_url()).text
    return client.get(re.search(r'src="([^"]*/picture\.png[^"]*)"', page)[1])


def test_the_file_says_no_more_than_the_page(client, bare, open_share):
    secret, told = file_of(client, bare).content, file_of(client, open_share).content

    assert b"secret" not in secret
    assert b"secret" in told
    with PIL.Image.open(BytesIO(secret)) as first, PIL.Image.open(BytesIO(told)) as second:
        assert first.text == {}
        assert "a secret house" in second.text["parameters"]
        assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("signature", ["", "x", "1:2"])
def test_the_file_needs_the_pages_signature(client, bare, open_share, signature):
    file = reverse("share_file", args=[bare.token])
    foreign = shares.file_url(open_share).partition("?")[2]

    assert client.get(file, {"signature": signature}).status_code == 404
    assert client.get(f"{file}?{foreign}").status_code == 404


def test_the_files_address_expires(client, bare, monkeypatch):
    url = shares.file_url(bare)
    monkeypatch.setattr(shares, "FILE_SECONDS", -1)

    assert client.get(url).status_code == 404


def test_nobody_lists_it_keeps_it_or_passes_it_on(client, bare):
    for response in (client.get(bare.get_absolute_url()), file_of(client, bare)):
        assert "noindex" in response["X-Robots-Tag"]
        assert response["Cache-Control"] == "private, no-store"
        assert response["Referrer-Policy"] == "no-referrer"
    assert '<meta name="robots" content="noindex' in client.get(bare.get_absolute_url()).text


def test_a_revoked_link_is_not_found(client, alice, bare):
    file = shares.file_url(bare)
    client.force_login(alice)

    revoke(client, bare)
    revoke(client, bare)

    assert client.get(bare.get_absolute_url()).status_code == 404
    assert client.get(file).status_code == 404
    assert bare.get_absolute_url() not in client.get(LIST).text


def test_revoking_one_leaves_the_others(client, alice, bare, open_share):
    client.force_login(alice)

    revoke(client, bare)

    assert client.get(open_share.get_absolute_url()).status_code == 200


def test_an_unknown_link_is_not_found(client):
    assert client.get(reverse("share", args=["x" * 32])).status_code == 404
    assert client.get(reverse("share_file", args=["x" * 32])).status_code == 404


def test_a_deleted_picture_is_not_found_until_it_is_restored(client, alice, bare):
    library.delete(alice, [bare.image_id])
    assert client.get(bare.get_absolute_url()).status_code == 404

    library.restore(alice, [bare.image_id])
    assert client.get(bare.get_absolute_url()).status_code == 200


def test_the_links_of_a_closed_account_are_not_found(client, alice, bare):
    alice.is_active = False
    alice.save()

    assert client.get(bare.get_absolute_url()).status_code == 404


def test_a_picture_without_a_file_is_not_found(client, bare):
    default_storage.delete(bare.image.file)

    assert client.get(shares.file_url(bare)).status_code == 404


def test_visitors_are_sent_to_sign_in(client, image, bare):
    for response in (share(client, image), revoke(client, bare), client.get(LIST)):
        assert response.url.startswith(reverse("account_login"))
    assert Share.objects.live().count() == 1


def test_others_neither_make_nor_revoke_nor_see_them(client, bob, image, bare):
    client.force_login(bob)

    assert share(client, image).status_code == 404
    assert revoke(client, bare).status_code == 404
    assert bare.get_absolute_url() not in client.get(LIST).text
    assert Share.objects.live().count() == 1


def test_a_deleted_picture_is_not_shared(client, alice, image):
    library.delete(alice, [image.pk])
    client.force_login(alice)

    assert share(client, image).status_code == 404


def test_other_methods_are_refused(client, alice, image, bare):
    client.force_login(alice)

    assert client.get(reverse("share_make", args=[image.pk])).status_code == 405
    assert client.get(reverse("share_revoke", args=[bare.pk])).status_code == 405
    for url in (LIST, bare.get_absolute_url(), shares.file_url(bare)):
        assert client.post(url).status_code == 405


def test_many_links_take_as_many_queries_as_one(client, alice, image, django_assert_num_queries):
    client.force_login(alice)
    shares.make(image, shows_prompt=False)
    with django_assert_num_queries(7) as few:
        client.get(LIST)
    for _ in range(29):
        shares.make(make_image(make_job(alice)), shows_prompt=False)

    with django_assert_num_queries(len(few)):
        client.get(LIST)


def test_older_links_are_on_the_next_page(client, alice, image, monkeypatch):
    monkeypatch.setattr("generation.gallery.share_views.SHARES_PER_PAGE", 2)
    links = [shares.make(image, shows_prompt=False) for _ in range(3)]
    client.force_login(alice)
    before = re.search(r"\?before=(\d+)", client.get(LIST).text)[1]

    page = client.get(LIST, {"before": before}).text

    assert links[0].token in page
    assert links[1].token not in page
    assert client.get(LIST, {"before": "x"}).status_code == 404


def test_removing_a_picture_removes_its_links(alice, bare):
    library.delete(alice, [bare.image_id])
    library.remove(alice)

    library.sweep()

    assert not Image.objects.exists()
    assert not Share.objects.exists()
