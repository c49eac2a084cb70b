"""Keys and scopes of the native API."""

import pytest

from accounts.models import Scope
from generation.models import Job
from tests.generation.api.callers import WISH, Caller
from tests.generation.api.native.helpers import ALL, API, assert_problem

pytestmark = pytest.mark.django_db


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
