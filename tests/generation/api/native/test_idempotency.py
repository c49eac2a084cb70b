"""Repeated requests to the native API."""

import pytest

from generation import jobs
from generation.models import Job
from generation.models.api import Order
from tests.generation.api.callers import PRICE, WISH
from tests.generation.api.native.helpers import API, assert_problem, held
from tests.generation.carrying import CHARGES, PICTURE

pytestmark = pytest.mark.django_db


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
    refused = caller.post(f"{API}/jobs", {**WISH, "seed": -2}, **{"Idempotency-Key": "a"})
    assert refused.status_code == 422

    assert caller.post(f"{API}/jobs", WISH, **{"Idempotency-Key": "a"}).status_code == 202


def test_two_programs_may_call_their_jobs_the_same(caller, anothers):
    for each in (caller, anothers):
        each.post(f"{API}/jobs", WISH, **{"Idempotency-Key": "a"})

    assert Order.objects.filter(token="a").count() == 2


def test_a_key_that_is_too_long_for_a_name_is_refused(caller):
    response = caller.post(f"{API}/jobs", WISH, **{"Idempotency-Key": "x" * 300})

    assert_problem(response, 422, "invalid")
