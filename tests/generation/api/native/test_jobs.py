"""Jobs and quotes of the native API."""

import base64
import uuid

import pytest
from django.core import signing

from accounts.models import Pays
from billing.models import Unit
from generation import jobs
from generation.models import Job, Status
from tests.generation.api.callers import PRICE, WISH, Caller
from tests.generation.api.native.helpers import (
    API,
    assert_problem,
    held,
    path_of,
    placed,
    png,
)
from tests.generation.books import assert_books_balance
from tests.generation.carrying import CHARGES, PICTURE
from tests.generation.rows import make_image, make_upload

pytestmark = pytest.mark.django_db


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


def test_a_job_that_is_done_has_made_all_of_its_steps(caller):
    shown = placed(caller)
    jobs.finish(jobs.claim(worker="machine:1"), [PICTURE], CHARGES)

    job = caller.get(path_of(shown["url"])).json()
    (listed,) = caller.get(f"{API}/jobs").json()["items"]

    assert (job["step"], job["steps"]) == (listed["step"], listed["steps"]) == (30, 30)


def test_a_job_that_failed_has_made_no_steps(caller):
    shown = placed(caller)
    jobs.fail(jobs.claim(worker="machine:1"), code="budget", message="No picture.")

    assert caller.get(path_of(shown["url"])).json()["step"] == 0


def test_minus_one_is_a_random_seed(caller):
    placed(caller, seed=-1)

    assert Job.objects.get().generation_request.seed >= 0


@pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
def test_a_weight_that_no_model_survives_is_refused_before_anything_is_held(caller, field):
    response = caller.post(f"{API}/jobs", {**WISH, field: f"a (red:1{'0' * 60}) house"})

    assert_problem(response, 422, "invalid")
    assert list(response.json()["errors"]) == [field]
    assert held(caller) == 0
    assert not Job.objects.exists()


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


def test_a_job_in_line_is_canceled_for_nothing(caller):
    shown = placed(caller)

    response = caller.post(path_of(shown["cancel_url"]))

    assert (response.json()["status"], response.json()["charged"]) == ("canceled", 0)
    assert held(caller) == 0


def test_canceling_what_has_ended_changes_nothing(caller):
    shown = placed(caller)
    jobs.finish(jobs.claim(worker="machine:1"), [PICTURE], CHARGES)

    assert caller.post(path_of(shown["cancel_url"])).json()["status"] == "succeeded"


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


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"checkpoint": "sd-9"}, "checkpoint"),
        ({"width": 100_000_000}, "width"),
        ({"width": 100}, "width"),
        ({"width": -128}, "width"),
        ({"num_images": -1}, "num_images"),
        ({"num_images": 1.5}, "num_images"),
        ({"seed": -2}, "seed"),
        ({"seed": 2**80}, "seed"),
        ({"guidance_scale": float("nan")}, "guidance_scale"),
        ({"guidance_scale": float("inf")}, "guidance_scale"),
        ({"guidance_scale": "much"}, "guidance_scale"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "a\0b"}, "prompt"),
        ({"prompt": "\ud800"}, "prompt"),
        ({"prompt": "x" * 32_001}, "prompt"),
        ({"prompt": ["a"]}, "prompt"),
        ({"unknown": 1}, "unknown"),
        ({"mode": "paint"}, "mode"),
        ({"mode": "upscale"}, "checkpoint"),
        ({"mode": "image_to_image"}, "image"),
        ({"mode": "image_to_image", "image": "%%%"}, "image"),
        ({"mode": "image_to_image", "image": "aGVsbG8="}, "image"),
        ({"mode": "image_to_image", "image": str(uuid.UUID(int=5))}, "image"),
        ({"noise_scheduler": "fast"}, "noise_scheduler"),
        ({"sigma_schedule": "fast"}, "sigma_schedule"),
        ({"noise_scheduler": "euler_ancestral", "sigma_schedule": "beta"}, "sigma_schedule"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_held(caller, changes, field):
    response = caller.post(f"{API}/jobs", {**WISH, **changes})

    problem = assert_problem(response, 422, response.json()["code"])
    assert field in problem["errors"], problem
    assert held(caller) == 0
    assert not Job.objects.exists()


def test_more_than_a_picture_takes_is_not_even_read(caller):
    response = caller._client.post(
        f"{API}/jobs",
        b"{}",
        content_type="application/json",
        headers=caller.headers,
        CONTENT_LENGTH=str(100 * 2**20),
    )

    assert_problem(response, 413, "too_large")


def test_a_prompt_that_the_policy_refuses_is_noted_and_costs_nothing(caller, buyer):
    response = caller.post(f"{API}/jobs", {**WISH, "prompt": "a naked child"})

    assert_problem(response, 403, "prompt_rejected")
    assert buyer.refusals.count() == 1
    assert held(caller) == 0


def test_expert_settings_reach_the_job(caller):
    expert = {"clip_skip": 2, "eta": 0.5, "subseed": 9, "subseed_strength": 0.25}

    placed(caller, **{**WISH, **expert, "noise_scheduler": "ddim"})

    request = Job.objects.get().generation_request
    assert {name: getattr(request, name) for name in expert} == expert


@pytest.mark.parametrize(
    ("name", "value"), [("mask_blur", 4), ("mask_fill", "fill"), ("only_masked", True)]
)
@pytest.mark.parametrize("mode", ["text_to_image", "outpaint"])
def test_settings_of_a_mask_are_refused_where_no_mask_is_taken(caller, mode, name, value):
    response = caller.post(f"{API}/jobs", {**WISH, "mode": mode, name: value})

    assert set(assert_problem(response, 422, "invalid")["errors"]) == {name}
    assert not Job.objects.exists()


def test_settings_of_a_mask_without_an_effect_are_taken(caller):
    placed(caller, mask_blur=0, mask_fill="original", only_masked=False, mask_padding=32)
