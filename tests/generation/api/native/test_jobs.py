"""The native API: every address climbs the ladder, and each refusal says what to do."""

import base64
import uuid

import pytest
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Pays, Scope
from billing.models import Unit
from generation import jobs
from generation.images import uploads
from generation.models import Job, Status
from generation.models.api import Call, Order
from tests.billing.books import assert_books_balance
from tests.generation.api.callers import PRICE, WISH, Caller
from tests.generation.carrying import CHARGES, PICTURE
from tests.generation.rows import make_image, make_upload

pytestmark = pytest.mark.django_db
API = "/api/v1"


def placed(caller, **changes):
    response = caller.post(f"{API}/jobs", {**WISH, **changes})
    assert response.status_code == 202, response.content
    return response.json()


def path_of(url):
    return url.partition("//")[2].partition("/")[1] + url.partition("//")[2].partition("/")[2]


def png(upload):
    from django.core.files.storage import default_storage

    with default_storage.open(upload.file) as file:
        return file.read()


def held(caller):
    return caller.get(f"{API}/balance").json()["credits"]["held"]


def assert_problem(response, status, code):
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["request_id"] == response.headers["X-Request-Id"]
    assert problem["detail"]
    return problem


def addresses(job, image):
    """Each of the API's addresses that takes a key, with its method."""
    return [
        ("get", "checkpoints"),
        ("post", "quote"),
        ("post", "jobs"),
        ("get", "jobs"),
        ("get", f"jobs/{job}"),
        ("post", f"jobs/{job}/cancel"),
        ("get", f"jobs/{job}/receipt"),
        ("get", f"jobs/{job}/events"),
        ("get", "pictures"),
        ("get", f"pictures/{image}/file"),
        ("post", "uploads"),
        ("get", "balance"),
        ("get", "usage"),
    ]


ALL = addresses(uuid.UUID(int=1), uuid.UUID(int=2))


# Works ---------------------------------------------------------------------------------------------


def test_a_job_is_placed_shown_and_listed(caller):
    shown = placed(caller)

    job = Job.objects.get()
    assert (shown["id"], shown["status"], shown["price"]) == (str(job.pk), "queued", PRICE)
    assert (job.api_key, job.unit) == (caller.key, Unit.CREDITS)
    assert held(caller) == PRICE
    assert caller.get(path_of(shown["url"])).json()["id"] == shown["id"]
    assert [each["id"] for each in caller.get(f"{API}/jobs").json()["items"]] == [shown["id"]]


def test_what_it_made_is_shown_with_links_and_its_receipt(caller, monkeypatch):
    # A link says to the second when it was given.
    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now)
    shown = placed(caller)
    jobs.finish(jobs.claim(worker="machine:1"), [PICTURE], CHARGES)

    job = caller.get(path_of(shown["url"])).json()

    assert (job["status"], job["charged"]) == ("succeeded", PRICE)
    assert "signature=" in job["pictures"][0]["url"]
    receipt = caller.get(path_of(shown["receipt_url"])).json()
    assert (receipt["unit"], receipt["charged"]) == ("credits", PRICE)
    assert caller.get(f"{API}/pictures").json()["items"] == job["pictures"]
    assert_books_balance()


def test_a_quote_is_what_a_job_then_costs(caller):
    quoted = caller.post(f"{API}/quote", WISH).json()

    assert quoted["price"] == placed(caller)["price"] == PRICE


def test_a_key_that_pays_in_minutes_spends_minutes(client, alice):
    caller = Caller(client, alice, pays_in=Pays.GPU_MS)

    shown = placed(caller)

    job = Job.objects.get()
    assert (shown["unit"], shown["price"]) == ("gpu_ms", job.hold_ms)
    assert caller.get(f"{API}/balance").json()["gpu_ms"]["held"] == job.hold_ms


def test_a_picture_is_worked_on_by_digest_by_id_and_as_base64(caller, buyer):
    upload = make_upload(buyer)
    image = make_image(Job.objects.get(pk=placed(caller)["id"]))
    as_text = base64.b64encode(png(upload)).decode()

    for named in (upload.digest, str(image.pk), as_text, f"data:image/png;base64,{as_text}"):
        shown = placed(caller, mode="image_to_image", image=named, strength=0.5)
        assert len(shown["request"]["image"]) == 64


def test_an_upload_is_named_by_its_digest(caller, buyer):
    file = SimpleUploadedFile("a.png", png(make_upload(buyer)), "image/png")

    response = caller.send(f"{API}/uploads", {"file": file})

    assert response.status_code == 201
    assert placed(caller, mode="image_to_image", image=response.json()["digest"])


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_a_picture_is_sent_in_the_format_that_is_asked_for(caller, format):
    image = make_image(Job.objects.get(pk=placed(caller)["id"]))

    response = caller.get(f"{API}/pictures/{image.pk}/file", {"format": format})

    assert response.headers["Content-Type"] == f"image/{format}"
    if format != "png":
        assert b"trainedAlgorithmicMedia" in response.content


def test_a_job_in_line_is_canceled_for_nothing(caller):
    shown = placed(caller)

    response = caller.post(path_of(shown["cancel_url"]))

    assert (response.json()["status"], response.json()["charged"]) == ("canceled", 0)
    assert held(caller) == 0


def test_canceling_what_has_ended_changes_nothing(caller):
    shown = placed(caller)
    jobs.finish(jobs.claim(worker="machine:1"), [PICTURE], CHARGES)

    assert caller.post(path_of(shown["cancel_url"])).json()["status"] == "succeeded"


def test_pages_follow_each_other_without_a_gap(caller):
    made = [placed(caller)["id"] for _each in range(5)]

    seen, cursor = [], ""
    while cursor is not None:
        page = caller.get(f"{API}/jobs", {"limit": 2, "cursor": cursor}).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"]

    assert seen == made[::-1]


def test_the_usage_names_the_day_and_what_was_spent(caller):
    placed(caller)

    usage = caller.get(f"{API}/usage").json()

    assert (usage["unit"], [day["spent"] for day in usage["days"]]) == ("credits", [PRICE])


def test_every_answer_says_how_many_requests_are_left(caller, settings):
    settings.API_REQUESTS_A_MINUTE = 7

    first, second = (caller.get(f"{API}/checkpoints") for _each in range(2))

    assert first.headers["RateLimit-Limit"] == "7"
    assert (first.headers["RateLimit-Remaining"], second.headers["RateLimit-Remaining"]) in {
        ("6", "5"),
        ("6", "6"),
    }
    assert 0 < int(first.headers["RateLimit-Reset"]) <= 60


def test_requests_are_in_the_log_with_their_job(caller):
    shown = placed(caller)

    call = Call.objects.get()
    assert (call.method, call.path, call.status) == ("POST", f"{API}/jobs", 202)
    assert str(call.job_id) == shown["id"]


# Once ----------------------------------------------------------------------------------------------


def test_the_same_key_again_is_the_same_job(caller):
    first = caller.post(f"{API}/jobs", WISH, **{"Idempotency-Key": "a"})

    again = caller.post(f"{API}/jobs", WISH, **{"Idempotency-Key": "a"})

    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    assert held(caller) == PRICE


def test_a_replay_shows_the_same_pictures_also_without_a_credit_left(caller):
    first = caller.post(f"{API}/jobs", WISH, **{"Idempotency-Key": "a"}).json()
    jobs.finish(jobs.claim(worker="machine:1"), [PICTURE], CHARGES)
    caller.key.budget = 1
    caller.key.save()

    again = caller.post(f"{API}/jobs", WISH, **{"Idempotency-Key": "a"})

    assert again.status_code == 200
    assert [each["job"] for each in again.json()["pictures"]] == [first["id"]]


def test_the_same_key_for_something_else_is_refused(caller):
    caller.post(f"{API}/jobs", WISH, **{"Idempotency-Key": "a"})

    response = caller.post(f"{API}/jobs", {**WISH, "prompt": "a tree"}, **{"Idempotency-Key": "a"})

    assert_problem(response, 422, "idempotency_key_reused")
    assert Job.objects.count() == 1


def test_what_was_refused_can_be_asked_for_again_under_its_key(caller):
    refused = caller.post(f"{API}/jobs", {**WISH, "seed": -1}, **{"Idempotency-Key": "a"})
    assert refused.status_code == 422

    assert caller.post(f"{API}/jobs", WISH, **{"Idempotency-Key": "a"}).status_code == 202


def test_two_programs_may_call_their_jobs_the_same(caller, anothers):
    for each in (caller, anothers):
        each.post(f"{API}/jobs", WISH, **{"Idempotency-Key": "a"})

    assert Order.objects.filter(token="a").count() == 2


# No key --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "address"), ALL)
def test_without_a_key_nobody_is_let_in(client, method, address):
    response = getattr(client, method)(f"{API}/{address}")

    problem = assert_problem(response, 401, "unauthorized")
    assert problem["advice"]
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_session_is_no_key(client, alice):
    client.force_login(alice)

    assert client.get(f"{API}/balance").status_code == 401


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "Bearer x", "Basic %%%", "Basic /w==", "x", "Bearer \u00e9"]
)
def test_what_is_no_key_is_refused(client, value):
    response = client.get(f"{API}/balance", headers={"Authorization": value})

    assert_problem(response, 401, "unauthorized")


@pytest.mark.parametrize(("method", "address"), ALL)
def test_a_key_does_only_what_it_may(client, buyer, method, address):
    response = getattr(client, method)(
        f"{API}/{address}", headers=Caller(client, buyer, scopes=[]).headers
    )

    assert_problem(response, 403, "forbidden_scope")


def test_a_key_to_look_makes_nothing(client, buyer):
    caller = Caller(client, buyer, scopes=[Scope.READ])

    assert_problem(caller.post(f"{API}/jobs", WISH), 403, "forbidden_scope")
    assert not Job.objects.exists()


# Someone else's ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "what"), [("get", ""), ("post", "/cancel"), ("get", "/receipt"), ("get", "/events")]
)
def test_anothers_job_is_answered_like_one_that_never_was(caller, anothers, method, what):
    job = placed(caller)["id"]

    theirs = getattr(anothers, method)(f"{API}/jobs/{job}{what}")
    never = getattr(anothers, method)(f"{API}/jobs/{uuid.uuid4()}{what}")

    assert_problem(theirs, 404, "not_found")
    assert theirs.json()["detail"] == never.json()["detail"]
    assert Job.objects.get().status == Status.QUEUED


def test_anothers_picture_is_not_found(caller, anothers):
    image = make_image(Job.objects.get(pk=placed(caller)["id"]))

    assert_problem(anothers.get(f"{API}/pictures/{image.pk}/file"), 404, "not_found")
    assert anothers.get(f"{API}/pictures").json()["items"] == []
    assert anothers.get(f"{API}/jobs").json()["items"] == []


@pytest.mark.parametrize("field", ["image", "mask"])
def test_anothers_upload_cannot_be_worked_on(caller, bob, buyer, field):
    mine, theirs = make_upload(buyer).digest, make_upload(bob)
    type(theirs).objects.filter(pk=theirs.pk).update(digest="0" * 64)
    wish = {**WISH, "mode": "inpaint", "image": mine, "mask": mine, field: "0" * 64}

    assert_problem(caller.post(f"{API}/jobs", wish), 422, "picture_missing")
    assert held(caller) == 0


def test_another_key_of_the_same_owner_sees_its_own_jobs_alone(client, caller, buyer):
    job = placed(caller)["id"]

    assert Caller(client, buyer).get(f"{API}/jobs/{job}").status_code == 404


# Wrong method, wrong address -----------------------------------------------------------------------


@pytest.mark.parametrize(("method", "address"), ALL)
def test_another_method_is_refused(caller, method, address):
    response = caller._client.patch(f"{API}/{address}", headers=caller.headers)

    assert_problem(response, 405, "method_not_allowed")
    assert method.upper() in response.headers["Allow"]


@pytest.mark.parametrize("address", ["", "nothing", "jobs/", "jobs/7", "jobs/x/cancel"])
def test_what_is_not_there_is_a_problem_too(caller, address):
    assert_problem(caller.get(f"{API}/{address}"), 404, "not_found")


# No balance, too much ------------------------------------------------------------------------------


def test_without_credits_nothing_is_made(client, charlie):
    caller = Caller(client, charlie)

    assert_problem(caller.post(f"{API}/jobs", WISH), 402, "insufficient_credits")
    assert not Job.objects.exists()


def test_without_minutes_nothing_waits(client, buyer, monkeypatch):
    caller = Caller(client, buyer, pays_in=Pays.GPU_MS)

    response = caller.post(
        f"{API}/jobs",
        {**WISH, "width": 512, "height": 512, "num_inference_steps": 150, "num_images": 4},
    )
    more = [
        caller.post(f"{API}/jobs", {**WISH, "width": 512, "height": 512, "num_images": 4})
        for _each in range(4)
    ]

    assert 402 in {response.status_code, *(each.status_code for each in more)}
    assert not Job.objects.filter(status=Status.PARKED).exists()


def test_beyond_its_budget_a_key_makes_nothing(client, buyer):
    caller = Caller(client, buyer, budget=PRICE)
    placed(caller)

    assert_problem(caller.post(f"{API}/jobs", WISH), 402, "budget_exceeded")
    assert held(caller) == PRICE


def test_a_key_keeps_to_its_checkpoints_and_size(client, buyer):
    checkpoints = Caller(client, buyer, checkpoints=["sd-1.5"])
    small = Caller(client, buyer, max_pixels=64 * 64)

    refused = checkpoints.post(f"{API}/jobs", {**WISH, "checkpoint": "sketchbook"})

    assert_problem(refused, 403, "checkpoint_not_allowed")
    assert_problem(small.post(f"{API}/jobs", WISH), 403, "size_not_allowed")


def test_too_many_jobs_in_line_are_refused_for_a_while(caller, monkeypatch):
    monkeypatch.setattr("generation.jobs.admission.WAITING_FOR_EACH_RUNNING", 0)

    response = caller.post(f"{API}/jobs", WISH)

    assert_problem(response, 429, "too_many_jobs")
    assert int(response.headers["Retry-After"]) > 0


def test_too_many_requests_are_refused_for_a_while(caller, settings):
    settings.API_REQUESTS_A_MINUTE = 1
    responses = [caller.get(f"{API}/checkpoints") for _each in range(4)]

    assert_problem(responses[-1], 429, "rate_limited")
    assert 0 < int(responses[-1].headers["Retry-After"]) <= 60
    assert responses[-1].headers["RateLimit-Remaining"] == "0"


# Bad input -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"checkpoint": "sd-9"}, "checkpoint"),
        ({"width": 100_000_000}, "width"),
        ({"width": 100}, "width"),
        ({"width": -128}, "width"),
        ({"num_images": -1}, "num_images"),
        ({"num_images": 1.5}, "num_images"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**80}, "seed"),
        ({"guidance_scale": float("nan")}, "guidance_scale"),
        ({"guidance_scale": float("inf")}, "guidance_scale"),
        ({"guidance_scale": "much"}, "guidance_scale"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "a\0b"}, "prompt"),
        ({"prompt": "\ud800"}, "prompt"),
        ({"prompt": "x" * 3_000}, "prompt"),
        ({"prompt": ["a"]}, "prompt"),
        ({"unknown": 1}, "unknown"),
        ({"mode": "paint"}, "mode"),
        ({"mode": "upscale"}, "checkpoint"),
        ({"mode": "image_to_image"}, "image"),
        ({"mode": "image_to_image", "image": "%%%"}, "image"),
        ({"mode": "image_to_image", "image": "aGVsbG8="}, "image"),
        ({"mode": "image_to_image", "image": str(uuid.UUID(int=5))}, "image"),
        ({"noise_scheduler": "fast"}, "noise_scheduler"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_held(caller, changes, field):
    response = caller.post(f"{API}/jobs", {**WISH, **changes})

    problem = assert_problem(response, 422, response.json()["code"])
    assert field in problem["errors"], problem
    assert held(caller) == 0
    assert not Job.objects.exists()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'"x"', b"[" * 100_000])
def test_what_is_no_json_object_is_refused(caller, body):
    response = caller._client.post(
        f"{API}/jobs", body, content_type="application/json", headers=caller.headers
    )

    assert response.status_code in {400, 422}
    assert response.headers["Content-Type"] == "application/problem+json"


def test_more_than_a_picture_takes_is_not_even_read(caller):
    response = caller._client.post(
        f"{API}/jobs",
        b"{}",
        content_type="application/json",
        headers=caller.headers,
        CONTENT_LENGTH=str(100 * 2**20),
    )

    assert_problem(response, 413, "too_large")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_picture_is_refused(caller, content):
    response = caller.send(f"{API}/uploads", {"file": SimpleUploadedFile("a.png", content)})

    assert response.status_code == 422
    assert response.json()["errors"].keys() == {"file"}


def test_a_prompt_that_the_policy_refuses_is_noted_and_costs_nothing(caller, buyer):
    response = caller.post(f"{API}/jobs", {**WISH, "prompt": "a naked child"})

    assert_problem(response, 403, "prompt_rejected")
    assert buyer.refusals.count() == 1
    assert held(caller) == 0


def test_a_key_that_is_too_long_for_a_name_is_refused(caller):
    response = caller.post(f"{API}/jobs", WISH, **{"Idempotency-Key": "x" * 300})

    assert_problem(response, 422, "invalid")


def test_what_nobody_expected_is_our_fault_and_says_nothing_of_why(caller, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("secret")

    monkeypatch.setattr(uploads, "require", fail)

    response = caller.post(f"{API}/jobs", WISH)

    assert_problem(response, 500, "internal")
    assert "secret" not in response.content.decode()


# The document --------------------------------------------------------------------------------------


def test_the_document_and_its_page_need_no_key_and_nothing_from_elsewhere(client):
    document = client.get(f"{API}/openapi.json").json()
    assert document["info"]["title"] == "Stepwise API"
    page = client.get(f"{API}/docs").content.decode()

    assert document["openapi"].startswith("3.1")
    assert "//cdn" not in page
    assert "<script>" not in page
