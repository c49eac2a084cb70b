"""Behavior that all endpoints of the OpenAI, AUTOMATIC1111 and Stability formats share."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from generation import jobs
from generation.api import wait
from generation.models import Job, Status
from tests.generation.api.callers import Caller
from tests.generation.api.formats import (
    CORE,
    EDIT,
    IDS,
    MAKING,
    OPENAI,
    READING,
    SD3,
    TXT2IMG,
    V1,
    V1_IMAGE,
    ask,
    file,
    message_of,
)
from tests.generation.books import assert_books_balance

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("short_waits")]


@pytest.mark.parametrize("example", MAKING, ids=IDS)
def test_a_picture_is_made_and_paid_in_credits(caller, worker, example):
    response = ask(caller, example, Accept="application/json")

    assert response.status_code == 200, response.content
    job = Job.objects.get()
    assert (job.status, job.api_key) == (Status.SUCCEEDED, caller.key)
    assert job.charged_credits == job.credits > 0
    assert job.generation_request.prompt == ("" if "variations" in example[0] else "a tree")
    assert_books_balance()


@pytest.mark.parametrize("address", READING)
def test_what_programs_ask_when_they_start_is_there(caller, address):
    response = caller.get(address)

    assert response.status_code == 200
    assert response.json() is not None


@pytest.mark.parametrize("address", [*IDS, *READING])
def test_another_method_is_refused(caller, address):
    response = caller._client.patch(address, headers=caller.headers)

    assert response.status_code == 405
    assert message_of(response)


@pytest.mark.parametrize("address", ["/v1/nothing", "/sdapi/v1/nothing", "/v2beta/nothing"])
def test_an_unknown_path_is_refused_in_the_formats_own_words(caller, address):
    assert caller.get(address).status_code == 404
    assert message_of(caller.get(address))


@pytest.mark.parametrize("example", MAKING, ids=IDS)
def test_without_credits_nothing_is_made(client, charlie, example):
    response = ask(Caller(client, charlie), example)

    assert response.status_code == (429 if example[0].startswith("/v1/images") else 402)
    assert message_of(response)
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("address", "body"),
    [
        (OPENAI[0], {**OPENAI[1], "model": "unknown"}),
        (TXT2IMG[0], {**TXT2IMG[1], "override_settings": {"sd_model_checkpoint": "unknown"}}),
        ("/v1/generation/unknown/text-to-image", V1[1]),
    ],
)
def test_an_unknown_checkpoint_is_refused(caller, address, body):
    response = caller.post(address, body)

    assert response.status_code in {400, 404, 422}
    assert message_of(response)
    assert not Job.objects.exists()


@pytest.mark.parametrize("example", [EDIT, SD3, V1_IMAGE], ids=lambda example: example[0])
@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_picture_is_refused(caller, example, content):
    address, body, _is_form = example
    fields = {
        name: file(content) if isinstance(value, SimpleUploadedFile) else value
        for name, value in body().items()
    }

    response = caller.send(address, fields)

    assert response.status_code == 400
    assert not Job.objects.exists()


@pytest.mark.parametrize("example", MAKING, ids=IDS)
def test_a_hundred_megabytes_are_not_even_read(caller, example):
    response = caller._client.post(
        example[0],
        b"x",
        content_type="application/octet-stream",
        headers=caller.headers,
        CONTENT_LENGTH=str(100 * 2**20),
    )

    assert response.status_code == 413
    assert message_of(response)


@pytest.mark.parametrize("example", [OPENAI, TXT2IMG, V1], ids=lambda example: example[0])
@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff"])
def test_what_is_no_json_object_is_refused(caller, example, body):
    response = caller._client.post(
        example[0], body, content_type="application/json", headers=caller.headers
    )

    assert response.status_code in {400, 422}
    assert message_of(response)


def test_a_picture_that_was_held_back_is_said_to_be_so(caller, monkeypatch):
    async def until_ended(job, **options):
        def fail():
            jobs.fail(jobs.claim(worker="machine:1"), code="blocked", message="Held back.")
            return Job.objects.get()

        return await wait.in_thread(fail)()

    monkeypatch.setattr(wait, "until_ended", until_ended)

    openai, stability = ask(caller, OPENAI), None

    assert (openai.status_code, openai.json()["error"]["code"]) == (400, "moderation_blocked")
    Job.objects.all().delete()
    stability = ask(caller, CORE)
    assert (stability.status_code, stability.json()["name"]) == (403, "content_moderation")
    assert Job.objects.get().charged_credits == 0
