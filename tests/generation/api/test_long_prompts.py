"""Prompts as long as the API formats allow."""

import io
import json

import PIL.Image
import pytest
from django.core.files.base import ContentFile

from generation.api import wait
from generation.engine.request import MAX_PROMPT_LENGTH
from generation.images import read_settings, storage
from generation.models import Job, Status
from tests.generation.api.formats import message_of
from tests.generation.rows import make_image, make_job, make_request

pytestmark = pytest.mark.django_db
SENTENCE = "a tin robot waters orchids on a pier, "


def prompt_of(length):
    return (SENTENCE * (length // len(SENTENCE) + 1))[:length]


FORMATS = [
    ("post", "/v1/images/generations", {"model": "dall-e-3"}, 4_000),
    ("post", "/v1/images/generations", {"model": "gpt-image-1"}, 32_000),
    ("send", "/v2beta/stable-image/generate/core", {}, 10_000),
    ("post", "/sdapi/v1/txt2img", {}, 32_000),
    ("post", "/api/v1/jobs", {}, 32_000),
]


@pytest.fixture
def _no_waits(monkeypatch):
    monkeypatch.setattr(wait, "LONGEST_SECONDS", 0.0)


@pytest.mark.usefixtures("_no_waits")
@pytest.mark.parametrize(("send", "address", "body", "length"), FORMATS)
def test_a_prompt_is_as_long_as_its_format_allows(caller, send, address, body, length):
    prompt = prompt_of(length)

    getattr(caller, send)(address, {**body, "prompt": prompt, "negative_prompt": prompt})

    request = Job.objects.get().generation_request
    assert request.prompt == request.negative_prompt == prompt


def test_a_longer_one_is_refused_with_the_limit(caller):
    body = {"prompt": prompt_of(MAX_PROMPT_LENGTH + 1)}

    response = caller.post("/v1/images/generations", body)

    assert response.status_code == 400
    assert "32000" in message_of(response)
    assert not Job.objects.exists()


def test_a_picture_of_a_long_prompt_says_how_it_was_made(alice):
    prompt = prompt_of(MAX_PROMPT_LENGTH)
    job = make_job(alice, status=Status.RUNNING, request=make_request(prompt=prompt))

    (stored,) = storage.save(job, [PIL.Image.new("RGB", (64, 64))], seeds=(7,))

    content = storage.read(stored.file)
    texts = read_settings.texts_in(ContentFile(content))
    assert json.loads(texts["request"])["prompt"] == prompt
    assert texts["parameters"].startswith(prompt)
    assert PIL.Image.open(io.BytesIO(content)).size == (64, 64)


@pytest.mark.parametrize(
    ("letter", "length"), [("a", MAX_PROMPT_LENGTH), ("水", 3_900), ("a ", 22_000)]
)
def test_a_long_prompt_is_searched_for_by_its_words(alice, letter, length):
    prompt = (letter * length)[: length - 8] + " lantern"

    image = make_image(make_job(alice, request=make_request(prompt=prompt)))

    assert "lantern" in str(image.terms)
