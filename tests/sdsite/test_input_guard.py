"""Input that cannot be stored or read is refused by every route, found in the URL patterns."""

import json
import re
from dataclasses import dataclass

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, get_resolver

from accounts.models import Scope
from generation.api import formats
from sdsite import health
from tests import factories
from tests.generation.api.callers import Caller
from tests.generation.api.formats import message_of

pytestmark = pytest.mark.django_db

URLENCODED = "application/x-www-form-urlencoded"
ARGUMENT = re.compile(r"<(?:\w+:)?\w+>|\(\?P<\w+>[^)]*\)")
# As a client writes it in a path or a query.
NUL = "a%00b"
# The admin redirects to its start, or refuses before it looks.
NOT_FOUND = {302, 403, 404, 405}
ODD_ARGUMENTS = ["9" * 30, "9" * 5_000 + "%ED%A0%80"]
UNFIT_JSON = {
    "NUL": b'{"prompt": "a\\u0000b"}',
    "a NUL in a name": b'{"a\\u0000b": 1}',
    "half of a pair": b'{"prompt": "\\ud800"}',
    "half of a pair, raw": b'{"prompt": "\xed\xa0\x80"}',
    "NaN": b'{"s_noise": NaN}',
    "Infinity": b'{"s_noise": -Infinity}',
    "a large number": b'{"s_noise": 1e999}',
    "many digits": b'{"seed": ' + b"9" * 5_000 + b"}",
    "nested": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested less than Python bears": b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}",
    "many values": b'{"a": [' + b"0," * 1_000_001 + b"0]}",
}


@dataclass(frozen=True)
class Route:
    """A URL pattern, as a path with gaps for its arguments."""

    path: str

    @property
    def has_arguments(self):
        return bool(ARGUMENT.search(self.path))

    @property
    def is_api(self):
        return formats.of_path(self.path) is not None

    def filled(self, value="1"):
        return ARGUMENT.sub(lambda _argument: value, self.path)


def walk(patterns, before="/"):
    for each in patterns:
        path = before + re.sub(r"^\^|\\Z|\$$|\\", "", str(each.pattern))
        if isinstance(each, URLPattern):
            yield Route(path)
        else:
            yield from walk(each.url_patterns, path)


def is_more_of_the_same(route):
    """True for Django's own admin pages, except of one model."""
    return re.match("/admin/[a-z]+/[a-z]+/", route.path) and "/accounts/user/" not in route.path


ROUTES = [
    route
    for route in sorted(set(walk(get_resolver().url_patterns)), key=lambda route: route.path)
    # Probes are answered before anything is read.
    if not is_more_of_the_same(route) and route.path not in health.PROBES
]
API = [route for route in ROUTES if route.is_api]


@pytest.fixture
def browser(db):
    client = Client(raise_request_exception=False)
    client.force_login(factories.make_user("root@example.com", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def program(browser, bob):
    return Caller(browser, bob, scopes=list(Scope), name="Tests")


def assert_in_shape(route, response):
    """An API format's error has its own body."""
    if route.path.startswith("/api/") and response.status_code >= 400:
        assert response.json()["status"] == response.status_code
    elif route.is_api and response.status_code >= 400:
        assert message_of(response)


def test_all_kinds_of_routes_are_found():
    paths = {route.path for route in ROUTES}

    assert len(paths) > 180
    assert {
        "/s/<str:token>/",
        "/v1/models/<str:model_id>",
        "/api/v1/jobs/<uuidstr:job_id>",
    } <= paths


def test_no_route_finds_anything_under_a_name_with_a_nul(browser, program):
    for route in ROUTES:
        if route.has_arguments:
            response = browser.get(route.filled(NUL), headers=program.headers)

            assert response.status_code in ({404, 405} if route.is_api else NOT_FOUND), route
            assert_in_shape(route, response)


@pytest.mark.parametrize("text", ODD_ARGUMENTS, ids=lambda text: text[:10])
def test_no_route_fails_by_an_odd_argument(browser, program, text):
    for route in ROUTES:
        if route.has_arguments:
            response = browser.get(route.filled(text), headers=program.headers)

            assert response.status_code < 500, route
            assert_in_shape(route, response)


def test_every_route_refuses_a_query_with_a_nul(browser, program):
    for route in ROUTES:
        response = browser.get(f"{route.filled()}?a={NUL}", headers=program.headers)

        assert response.status_code == 400, route
        assert_in_shape(route, response)


def test_every_page_refuses_a_form_with_a_nul(browser):
    for route in set(ROUTES) - set(API):
        response = browser.post(route.filled(), f"a={NUL}", content_type=URLENCODED)

        assert response.status_code == 400, route


@pytest.mark.parametrize("text", [f"{NUL}=a", "%00", "a=1&a=%00"])
def test_names_and_repeated_fields_are_looked_at_too(client, text):
    asked = client.get(f"/?{text}")
    posted = client.post("/", text, content_type=URLENCODED)

    assert (asked.status_code, posted.status_code) == (400, 400)


def multipart(*, boundary="; boundary=x", value="a"):
    head = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
    return f"{head}{value}\r\n--x--\r\n", f"multipart/form-data{boundary}"


UNREADABLE_FORMS = {
    "NUL": multipart(value="\0"),
    "no boundary": multipart(boundary=""),
    "odd boundary": multipart(boundary="; boundary=é"),
    "too many fields": ("a=&" * 1_001, URLENCODED),
}


@pytest.mark.parametrize("kind", UNREADABLE_FORMS)
def test_a_page_refuses_a_form_that_cannot_be_read(client, kind):
    body, content_type = UNREADABLE_FORMS[kind]

    assert client.post("/", body, content_type=content_type).status_code == 400


def test_every_api_route_refuses_a_form_without_a_boundary(browser, program):
    body, kind = UNREADABLE_FORMS["no boundary"]
    for route in API:
        response = browser.post(route.filled(), body, content_type=kind, headers=program.headers)

        assert response.status_code < 500, route
        assert_in_shape(route, response)


@pytest.mark.parametrize("kind", UNREADABLE_FORMS)
def test_an_api_format_refuses_a_form_that_cannot_be_read(program, kind):
    body, content_type = UNREADABLE_FORMS[kind]
    for path in ("/v1/images/edits", "/v2beta/stable-image/edit/inpaint"):
        response = program._client.post(
            path, body, content_type=content_type, headers=program.headers
        )

        assert response.status_code == 400
        assert message_of(response)


def test_every_api_route_that_reads_json_refuses_what_is_none(browser, program):
    def post(route, body):
        return browser.post(
            route.filled(), body, content_type="application/json", headers=program.headers
        )

    reading = [route for route in API if post(route, b"{").status_code == 400]
    assert {"/sdapi/v1/options", "/v1/images/generations"} <= {route.path for route in reading}
    for route in reading:
        for kind, body in UNFIT_JSON.items():
            response = post(route, body)

            # The native API's schema names the field; MCP's SDK looks at the accepted types first.
            assert response.status_code in {400, 406, 422}, (route, kind)
            assert_in_shape(route, response)


@pytest.mark.parametrize("origin", ["http://[", "http://a]", "\u2100", "null"])
def test_no_api_route_fails_by_an_odd_origin(browser, program, origin):
    for route in API:
        response = browser.post(
            route.filled(),
            "{}",
            content_type="application/json",
            headers={**program.headers, "Origin": origin},
        )

        assert response.status_code < 500, route
        assert_in_shape(route, response)


@pytest.mark.parametrize("name", [settings.SESSION_COOKIE_NAME, settings.LANGUAGE_COOKIE_NAME])
def test_a_cookie_with_a_nul_counts_as_none(name):
    client = Client(raise_request_exception=False)

    response = client.get("/", headers={"cookie": f'{name}="aaaaaaaaaa\\000"'})

    assert response.status_code == 200


def test_json_is_read_whatever_a_client_calls_it(program):
    """curl sends every body as a form unless told otherwise."""
    response = program._client.post(
        "/sdapi/v1/options",
        json.dumps({"mine": "a%00&b"}),
        content_type=URLENCODED,
        headers=program.headers,
    )

    assert response.status_code == 200
    assert program.get("/sdapi/v1/options").json()["mine"] == "a%00&b"
