"""Calls from pages of other websites."""

import pytest

from generation.api.cross_origin import without_default_port
from tests.generation.api.callers import Caller

pytestmark = pytest.mark.django_db
APP = "https://app.example"
ADDRESSES = [
    "/v1/images/generations",
    "/sdapi/v1/txt2img",
    "/v2beta/stable-image/generate/core",
    "/api/v1/jobs",
    "/a1111/sk-key/sdapi/v1/txt2img",
]


@pytest.fixture(autouse=True)
def origins(settings):
    settings.CORS_ORIGINS = [APP, "http://localhost:5173"]


def preflight(client, address, origin=APP):
    return client.options(
        address,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
        },
    )


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_preflight_is_answered_without_a_key(client, address):
    response = preflight(client, address)

    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == APP
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    allowed = response.headers["Access-Control-Allow-Headers"].split(",")
    assert {"authorization", "content-type", "x-stainless-os"} <= set(allowed)
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_a_preflight_is_not_redirected(client, settings):
    settings.SECURE_SSL_REDIRECT = True

    assert preflight(client, ADDRESSES[0]).status_code == 204


@pytest.mark.parametrize("origin", ["https://other.example", "http://app.example", "null"])
def test_other_websites_are_not_allowed(client, origin):
    response = preflight(client, ADDRESSES[0], origin)

    assert "Access-Control-Allow-Origin" not in response.headers


def test_nothing_is_allowed_unless_it_is_set(client, settings):
    settings.CORS_ORIGINS = []

    response = preflight(client, ADDRESSES[0])

    assert response.status_code == 405
    assert "Access-Control-Allow-Origin" not in response.headers


def test_all_may_be_allowed(client, settings):
    settings.CORS_ORIGINS = ["*"]

    response = preflight(client, ADDRESSES[0])

    assert response.headers["Access-Control-Allow-Origin"] in {"*", APP}


def test_pages_of_the_site_are_not_shared(client):
    assert "Access-Control-Allow-Origin" not in preflight(client, "/account/api/").headers


def test_the_request_itself_may_be_read(caller):
    response = caller.get("/v1/models", Origin=APP)

    assert response.headers["Access-Control-Allow-Origin"] == APP
    assert "X-Request-Id" in response.headers["Access-Control-Expose-Headers"]
    assert "origin" in response.headers["Vary"].lower()


def test_errors_may_be_read_too(client):
    response = client.get("/v1/models", headers={"Origin": APP})

    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == APP


@pytest.mark.parametrize(
    ("origin", "status"), [(APP, 200), ("http://localhost:5173", 403), (None, 200)]
)
def test_a_key_may_allow_fewer_websites(client, buyer, origin, status):
    caller = Caller(client, buyer, origins=[APP])

    response = caller.get("/v1/models", **({"Origin": origin} if origin else {}))

    assert response.status_code == status


@pytest.mark.parametrize(
    ("scheme", "origin", "status"),
    [("https", "https://testserver", 200), ("https", "http://testserver", 403)],
)
def test_a_page_of_the_site_itself_may_always_try_a_key(client, buyer, scheme, origin, status):
    caller = Caller(client, buyer, origins=[APP])
    headers = {**caller.headers, "Origin": origin}

    response = client.get("/v1/models", headers=headers, secure=scheme == "https")

    assert response.status_code == status


@pytest.mark.parametrize(
    ("origin", "sent"),
    [
        ("https://app.example:443", "https://app.example"),
        ("http://app.example:80", "http://app.example"),
        ("https://app.example:80", "https://app.example:80"),
    ],
)
def test_an_origin_is_compared_as_browsers_send_it(origin, sent):
    assert without_default_port(origin) == sent


def test_a_page_that_the_key_does_not_allow_is_told_so(client, buyer):
    caller = Caller(client, buyer, origins=[APP])

    problem = caller.get("/api/v1/jobs", Origin="http://localhost:5173").json()

    assert problem["code"] == "origin_not_allowed"
    assert "key’s page" in problem["advice"]
