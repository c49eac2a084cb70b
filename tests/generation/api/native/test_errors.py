"""Errors that every operation of the native API has in common."""

import pytest

from generation.images import sources
from tests.generation.api.callers import WISH
from tests.generation.api.native.helpers import ALL, API, assert_problem

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("method", "address"), ALL)
def test_another_method_is_refused(caller, method, address):
    response = caller._client.patch(f"{API}/{address}", headers=caller.headers)

    assert_problem(response, 405, "method_not_allowed")
    assert method.upper() in response.headers["Allow"]


@pytest.mark.parametrize("address", ["", "nothing", "jobs/", "jobs/7", "jobs/x/cancel"])
def test_what_is_not_there_is_a_problem_too(caller, address):
    assert_problem(caller.get(f"{API}/{address}"), 404, "not_found")


def test_too_many_requests_are_refused_for_a_while(caller, settings):
    settings.API_REQUESTS_A_MINUTE = 1
    responses = [caller.get(f"{API}/checkpoints") for _each in range(4)]

    assert_problem(responses[-1], 429, "rate_limited")
    assert 0 < int(responses[-1].headers["Retry-After"]) <= 60
    assert responses[-1].headers["RateLimit-Remaining"] == "0"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'"x"', b"[" * 100_000])
def test_what_is_no_json_object_is_refused(caller, body):
    response = caller._client.post(
        f"{API}/jobs", body, content_type="application/json", headers=caller.headers
    )

    assert response.status_code in {400, 422}
    assert response.headers["Content-Type"] == "application/problem+json"


def test_what_nobody_expected_is_our_fault_and_says_nothing_of_why(caller, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("secret")

    monkeypatch.setattr(sources, "require", fail)

    response = caller.post(f"{API}/jobs", WISH)

    assert_problem(response, 500, "internal")
    assert "secret" not in response.content.decode()
