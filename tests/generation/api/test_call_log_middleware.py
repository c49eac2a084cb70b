"""Rate limit headers and the call log."""

import pytest
from django.db import OperationalError

from generation.models import Job
from generation.models.api import Call
from tests.generation.api.native.helpers import API, placed

pytestmark = pytest.mark.django_db


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


def test_a_request_that_cannot_be_noted_succeeds_all_the_same(caller, monkeypatch):
    def fail(**fields):
        raise OperationalError("away")

    monkeypatch.setattr(Call.objects, "create", fail)

    shown = placed(caller)

    assert str(Job.objects.get().pk) == shown["id"]
