"""OpenAI's responses: content or a link, in the file format that was asked for."""

import base64
import io
import re

import PIL.Image
import pytest

from generation.images import file_formats
from generation.models import Image, Job
from tests.generation.api.formats import OPENAI, VARIATION, ask, file

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("worker")]
ADDRESS, BODY, _IS_FORM = OPENAI


def image_in(caller, **fields):
    """The one image of the response."""
    (image,) = caller.post(ADDRESS, {**BODY, **fields}).json()["data"]
    return image


def fetched(client, url):
    """The picture that a link leads to, without a session or a key."""
    response = client.get(re.sub("^https?://[^/]+", "", url))
    assert response.status_code == 200
    return PIL.Image.open(io.BytesIO(response.content)), response


@pytest.mark.parametrize("model", ["dall-e-2", "dall-e-3"])
def test_clients_of_the_first_models_read_a_link(client, caller, model):
    image = image_in(caller, model=model)

    assert set(image) == {"url"}
    assert fetched(client, image["url"])[0].format == "PNG"


@pytest.mark.parametrize("model", ["gpt-image-1", "sketchbook"])
def test_clients_of_later_models_read_the_content(caller, model):
    assert set(image_in(caller, model=model)) == {"b64_json"}


def test_a_client_that_names_nothing_finds_what_it_reads(client, caller):
    image = image_in(caller)

    content = base64.b64decode(image["b64_json"])
    assert PIL.Image.open(io.BytesIO(content)).format == "PNG"
    assert fetched(client, image["url"])[1].content == content


@pytest.mark.parametrize(("asked", "model"), [("url", "gpt-image-1"), ("b64_json", "dall-e-3")])
def test_the_answer_has_what_is_asked_for(caller, asked, model):
    assert set(image_in(caller, model=model, response_format=asked)) == {asked}


def test_a_variation_of_an_old_client_has_a_link(caller):
    assert "url" in ask(caller, VARIATION).json()["data"][0]


@pytest.mark.parametrize(("format", "kind"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_a_link_leads_to_the_format_that_was_asked_for(client, caller, format, kind):
    image = image_in(caller, response_format="url", output_format=format)

    picture, response = fetched(client, image["url"])

    assert (picture.format, response["Content-Type"]) == (kind, f"image/{format}")
    # The label of pictures made by AI stays.
    assert format == "png" or b"trainedAlgorithmicMedia" in response.content


def test_a_link_has_the_quality_that_was_asked_for(client, caller):
    links = [
        image_in(caller, response_format="url", output_format="jpeg", output_compression=quality)
        for quality in (5, 95)
    ]

    small, large = (fetched(client, image["url"])[1].content for image in links)
    assert len(small) < len(large)


def unexpected(*_given, **_named):
    """Stand in for the conversion, to notice it."""
    raise ZeroDivisionError


def test_a_link_converts_its_picture_once(client, caller, monkeypatch):
    url = image_in(caller, response_format="url", output_format="webp")["url"]
    first = fetched(client, url)[1].content
    monkeypatch.setattr(file_formats, "content_of", None)

    assert fetched(client, url)[1].content == first


@pytest.mark.parametrize("bound", ["MOST_KEPT_BYTES", "MOST_KEPT_IN_ALL"])
def test_a_picture_beyond_a_bound_is_sent_and_not_kept(client, caller, monkeypatch, bound):
    url = image_in(caller, response_format="url", output_format="webp")["url"]
    monkeypatch.setattr(file_formats, bound, 10)
    assert fetched(client, url)[0].format == "WEBP"
    monkeypatch.setattr(file_formats, "content_of", unexpected)

    with pytest.raises(ZeroDivisionError):
        fetched(client, url)


@pytest.mark.parametrize(
    "change",
    [
        ("quality=90", "quality=91"),
        ("quality=90&", ""),
        ("quality=90", "quality=101"),
        ("file.jpeg", "file.webp"),
        ("file.jpeg", "file.png"),
        ("signature=", "signature=x"),
    ],
)
def test_a_link_opens_nothing_else(client, caller, change):
    url = image_in(caller, response_format="url", output_format="jpeg")["url"]
    path = re.sub("^https?://[^/]+", "", url)
    assert client.get(path).status_code == 200

    changed = client.get(path.replace(*change))

    # Without a quality it is the default one, which this link was signed for.
    assert changed.status_code == (200 if change[1] == "" else 404)


def test_a_link_to_a_deleted_picture_leads_nowhere(client, caller):
    url = image_in(caller, response_format="url", output_format="jpeg")["url"]
    fetched(client, url)
    Image.objects.update(deleted_at="2026-01-01T00:00Z")

    assert client.get(re.sub("^https?://[^/]+", "", url)).status_code == 404


@pytest.mark.parametrize("background", ["auto", "opaque", None])
def test_an_opaque_background_is_made(caller, background):
    assert image_in(caller, background=background)


@pytest.mark.parametrize(("address", "send"), [(ADDRESS, "post"), ("/v1/images/edits", "send")])
def test_a_transparent_background_is_refused(caller, address, send):
    body = {"prompt": "a tree", "background": "transparent"}
    if send == "send":
        body["image"] = file()

    response = getattr(caller, send)(address, body)

    assert (response.status_code, response.json()["error"]["param"]) == (400, "background")
    assert not Job.objects.exists()
