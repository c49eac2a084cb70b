"""MCP's tools, called by the SDK's client in this process."""

import base64
import io
import re
import uuid

import PIL.Image
import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from accounts.models import Pays, Scope
from generation import jobs
from generation.api.mcp.tools import TOOLS
from generation.images import ai_label, file_formats
from generation.models import Job, Status
from generation.models.api import Call
from tests.generation.api.callers import PRICE, WISH, Caller
from tests.generation.api.mcp.talking import ERAS, call, code_of, talk, text_of
from tests.generation.books import assert_books_balance
from tests.generation.rows import make_image, make_upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("short_waits")]

AT_ONCE = {**WISH, "wait_seconds": 0}
SPENDING = [
    ("generate", {}),
    ("edit", {"image": "0" * 64}),
    ("upscale", {"image": "0" * 64}),
]


def names(client_tools):
    return {tool.name: tool for tool in client_tools.tools}


def test_an_error_and_its_advice_are_sentences(caller):
    result = call(caller.secret, "generate", {"promt": "a red house"})

    assert "promt: Extra inputs are not permitted. Correct" in text_of(result)


@pytest.mark.parametrize("mode", ERAS)
def test_the_tools_are_listed_with_what_they_take(caller, mode):
    async def conversation(client):
        return await client.list_tools()

    tools = names(talk(caller.secret, conversation, mode=mode))

    assert set(tools) == {
        "quote",
        "generate",
        "edit",
        "upscale",
        "status",
        "cancel",
        "balance",
        "models",
    }
    schema = tools["generate"].input_schema
    assert {"prompt", "seed", "idempotency_key", "wait_seconds"} <= set(schema["properties"])
    assert schema["properties"]["seed"]["type"] == "integer"
    assert "euler" in schema["properties"]["noise_scheduler"]["enum"]
    assert not any("$ref" in str(tool.input_schema) for tool in tools.values())
    assert [name for name, tool in tools.items() if tool.annotations.read_only_hint] == [
        "quote",
        "status",
        "balance",
        "models",
    ]
    assert all(tool.description for tool in tools.values())


def test_the_guide_for_language_models_names_the_tools(client):
    named = re.search(r"Its tools: (.*)\.", client.get(reverse("llms")).text)[1]

    assert named.split(", ") == list(TOOLS)


@pytest.mark.parametrize("mode", ERAS)
def test_a_picture_is_made_shown_and_paid(caller, worker, mode):
    result = call(caller.secret, "generate", WISH, mode=mode)

    assert not result.is_error, result
    job = Job.objects.get()
    assert (job.status, job.api_key) == (Status.SUCCEEDED, caller.key)
    shown = result.structured_content
    assert shown["quote"]["price"] == PRICE
    assert shown["receipt"]["charged"] == job.charged > 0
    kinds = [each.type for each in result.content]
    assert kinds == ["text", "image", "resource_link"]
    image, link = result.content[1:]
    with PIL.Image.open(io.BytesIO(base64.b64decode(image.data))) as picture:
        assert picture.size == (128, 128)
    assert "signature=" in link.uri
    assert str(job.images.get().pk) in text_of(result)
    assert shown["receipt"]["url"] in text_of(result)
    assert_books_balance()


def test_a_quote_is_what_a_job_then_costs_and_spends_nothing(caller):
    quoted = call(caller.secret, "quote", {"tool": "generate", **WISH}).structured_content

    assert not Job.objects.exists()
    placed = call(caller.secret, "generate", AT_ONCE).structured_content
    assert quoted["price"] == placed["quote"]["price"] == PRICE


def test_a_quote_refuses_what_the_tool_lacks(caller):
    result = call(caller.secret, "quote", {"tool": "generate", "strength": 0.5, **WISH})

    assert code_of(result) == "invalid"
    assert list(result.structured_content["error"]["errors"]) == ["strength"]


def test_without_waiting_the_result_names_the_job(caller):
    result = call(caller.secret, "generate", AT_ONCE)

    job = Job.objects.get()
    shown = result.structured_content
    assert (shown["id"], shown["status"], shown["receipt"]) == (str(job.pk), "queued", None)
    assert f"Job {job.pk}: queued" in text_of(result)
    looked = call(caller.secret, "status", {"job": str(job.pk)}).structured_content
    assert (looked["id"], looked["status"], looked["quote"]) == (
        shown["id"],
        "queued",
        shown["quote"],
    )


def test_jobs_are_found_again_without_their_ids(caller, anothers):
    call(caller.secret, "generate", AT_ONCE)

    mine = call(caller.secret, "status").structured_content["jobs"]
    theirs = call(anothers.secret, "status").structured_content["jobs"]

    assert [each["id"] for each in mine] == [str(Job.objects.get().pk)]
    assert theirs == []


def test_a_picture_is_edited_by_its_id(caller, buyer):
    call(caller.secret, "generate", AT_ONCE)
    image = make_image(Job.objects.get())
    wish = {**AT_ONCE, "image": str(image.pk)}

    for changes, mode in (
        ({"strength": 0.5}, "image_to_image"),
        ({"mask": make_upload(buyer).digest}, "inpaint"),
        ({"left": 64, "width": None, "height": None}, "outpaint"),
    ):
        result = call(caller.secret, "edit", {**wish, **changes})
        assert not result.is_error, result
        job = Job.objects.latest("created_at")
        assert (job.generation_request.mode, job.status) == (mode, Status.QUEUED)


def test_a_repeated_call_with_the_same_key_is_the_same_job(caller):
    wish = {**AT_ONCE, "idempotency_key": "one"}

    first, again = (call(caller.secret, "generate", wish) for _each in range(2))
    other = call(caller.secret, "generate", {**wish, "prompt": "a boat"})

    assert first.structured_content["id"] == again.structured_content["id"]
    assert code_of(other) == "idempotency_key_reused"
    assert Job.objects.count() == 1


@pytest.mark.parametrize("mode", ERAS)
def test_clients_whose_requests_have_the_same_numbers_keep_their_jobs(caller, mode):
    for _each in range(2):
        call(caller.secret, "generate", AT_ONCE, mode=mode)

    assert [job.status for job in Job.objects.all()] == [Status.QUEUED] * 2


def test_a_job_is_canceled(caller):
    shown = call(caller.secret, "generate", AT_ONCE).structured_content

    result = call(caller.secret, "cancel", {"job": shown["id"]})

    assert (result.is_error, result.structured_content["status"]) == (False, "canceled")
    assert result.structured_content["receipt"]["charged"] == 0


def test_a_job_that_failed_is_an_error_of_the_tool(caller, monkeypatch):
    from generation.api import wait  # noqa: PLC0415  # app registry: models

    async def until_ended(job, **options):
        def fail():
            jobs.fail(jobs.claim(worker="machine:1"), code="blocked", message="Held back.")
            return Job.objects.get()

        return await wait.in_thread(fail)()

    monkeypatch.setattr(wait, "until_ended", until_ended)

    result = call(caller.secret, "generate", WISH)

    assert code_of(result) == "blocked"
    assert "Held back." in text_of(result)
    assert result.structured_content["receipt"]["charged"] == 0


def test_the_balance_and_the_models_are_those_of_the_native_api(caller):
    balance = call(caller.secret, "balance").structured_content
    models = call(caller.secret, "models").structured_content

    assert balance == caller.get("/api/v1/balance").json()
    assert models["models"] == caller.get("/api/v1/checkpoints").json()["items"]


# Refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tool", "arguments"), SPENDING, ids=lambda value: str(value)[:10])
def test_a_key_that_may_only_read_makes_nothing(client, buyer, tool, arguments):
    reader = Caller(client, buyer, scopes=[Scope.READ])

    assert code_of(call(reader.secret, tool, arguments)) == "forbidden_scope"
    assert not call(reader.secret, "quote", WISH).is_error
    assert code_of(call(reader.secret, "balance")) == "forbidden_scope"


def test_without_credits_nothing_is_made(client, charlie):
    poor = Caller(client, charlie)

    assert code_of(call(poor.secret, "generate", WISH)) == "insufficient_credits"
    assert not Job.objects.exists()


def test_a_key_that_pays_in_minutes_spends_minutes(client, alice):
    key = Caller(client, alice, pays_in=Pays.GPU_MS)

    shown = call(key.secret, "generate", AT_ONCE).structured_content

    job = Job.objects.get()
    assert shown["quote"] == {"unit": "gpu_ms", "price": job.hold_ms, "likely_ms": job.quote_ms}


def test_beyond_its_budget_a_key_makes_nothing(client, buyer):
    limited = Caller(client, buyer, budget=PRICE)
    call(limited.secret, "generate", AT_ONCE)

    assert code_of(call(limited.secret, "generate", AT_ONCE)) == "budget_exceeded"
    assert Job.objects.count() == 1


@pytest.mark.parametrize("tool", ["status", "cancel"])
def test_anothers_job_is_answered_like_one_that_never_was(caller, anothers, tool):
    job = call(caller.secret, "generate", AT_ONCE).structured_content["id"]

    theirs = call(anothers.secret, tool, {"job": job})
    never = call(anothers.secret, tool, {"job": str(uuid.uuid4())})

    assert code_of(theirs) == "not_found"
    assert text_of(theirs) == text_of(never)
    assert Job.objects.get().status == Status.QUEUED


def test_a_prompt_that_the_policy_refuses_is_noted_and_costs_nothing(caller, buyer):
    result = call(caller.secret, "generate", {**WISH, "prompt": "a naked child"})

    assert code_of(result) == "prompt_rejected"
    assert buyer.refusals.count() == 1
    assert not Job.objects.exists()


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"checkpoint": "sd-9"}, "checkpoint"),
        ({"width": 100}, "width"),
        ({"num_images": 9}, "num_images"),
        ({"seed": 2**80}, "seed"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "a\0b"}, "prompt"),
        ({"prompt": ["a"]}, "prompt"),
        ({"unknown": 1}, "unknown"),
        ({"idempotency_key": "a\0b"}, "Idempotency-Key"),
        ({"wait_seconds": -1}, "wait_seconds"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_and_nothing_is_made(caller, changes, field, mode):
    result = call(caller.secret, "generate", {**WISH, **changes}, mode=mode)

    code_of(result)
    assert field in result.structured_content["error"]["errors"], result
    assert not Job.objects.exists()


def test_upscaling_needs_an_upscaler(caller, buyer):
    result = call(caller.secret, "upscale", {"image": make_upload(buyer).digest})

    assert code_of(result) == "checkpoint_unavailable"


def test_the_call_log_has_the_job_and_the_error(caller):
    call(caller.secret, "generate", AT_ONCE)
    call(caller.secret, "generate", {"prompt": ""})

    good, bad = Call.objects.filter(path="/mcp").order_by("-created_at")[:2][::-1]
    calls = list(Call.objects.filter(path="/mcp"))
    assert Job.objects.get().pk in [each.job_id for each in calls]
    assert "invalid" in [each.code for each in calls]
    assert (good.method, bad.method) == ("POST", "POST")


def test_a_large_picture_is_shown_smaller(caller):
    call(caller.secret, "generate", AT_ONCE)
    image = make_image(Job.objects.get(), size=(512, 256))

    whole, kind = file_formats.bounded(image, max_bytes=2**20)
    small, small_kind = file_formats.bounded(image, max_bytes=len(whole) - 1)

    assert (kind, small_kind) == ("image/png", "image/jpeg")
    assert b"trainedAlgorithmicMedia" in small
    with PIL.Image.open(io.BytesIO(small)) as picture:
        assert abs(picture.width - 2 * picture.height) <= 2


def test_a_picture_is_made_as_small_as_it_must_be_at_once(caller, monkeypatch):
    call(caller.secret, "generate", AT_ONCE)
    image = make_image(Job.objects.get(), size=(512, 256))
    noise = PIL.Image.effect_noise((1_024, 512), 99)
    with default_storage.open(image.file, "wb") as file:
        noise.save(file, "PNG")
    sizes = []
    encoded = ai_label.encoded

    def counted(picture, *arguments, **options):
        sizes.append(picture.size)
        return encoded(picture, *arguments, **options)

    monkeypatch.setattr(ai_label, "encoded", counted)

    small, kind = file_formats.bounded(image, max_bytes=30_000)

    assert kind == "image/jpeg"
    assert 10_000 < len(small) <= 30_000
    assert len(sizes) == 2, sizes
