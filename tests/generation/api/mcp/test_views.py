"""MCP's endpoint beside the SDK: keys, methods, origins, bodies, limits and cancellation by message."""

import json

import httpx2
import pytest
from mcp import MCPError

from accounts.models import Scope
from generation.models import Job
from tests.generation.api.callers import WISH, Caller
from tests.generation.api.mcp.talking import post, talk

pytestmark = pytest.mark.django_db

BOTH = "application/json, text/event-stream"
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "tests", "version": "1"},
    },
}


def assert_refused(response, status, code):
    assert response.status_code == status, response.text
    body = response.json()
    assert (body["jsonrpc"], body["error"]["data"]["code"]) == ("2.0", code)
    assert body["error"]["message"]
    return body


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sk-unknown"}], ids=str)
def test_without_a_key_nothing_is_answered(client, headers):
    response = client.post("/mcp", LIST, content_type="application/json", headers=headers)

    assert_refused(response, 401, "unauthorized")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_the_sdk_hears_that_the_key_is_wrong(db):
    async def conversation(client):
        return await client.list_tools()

    with pytest.raises((MCPError, httpx2.HTTPStatusError, ExceptionGroup)):
        talk("sk-unknown", conversation)


@pytest.mark.parametrize("method", ["get", "delete", "put"])
def test_another_method_is_refused(client, caller, method):
    response = getattr(client, method)("/mcp", headers=caller.headers)

    assert_refused(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "POST"


def test_another_path_is_refused(client, caller):
    assert_refused(client.post("/mcp/nothing", headers=caller.headers), 404, "not_found")


def test_a_page_of_another_site_is_refused_unless_it_may_call_the_api(caller, settings):
    response = post(caller.secret, LIST, Origin="https://evil.example")

    assert_refused(response, 403, "foreign_origin")
    assert post(caller.secret, LIST, Origin="http://127.0.0.1:8000").status_code == 200
    settings.CORS_ORIGINS = ["https://evil.example"]
    assert post(caller.secret, LIST, Origin="https://evil.example").status_code == 200


@pytest.mark.parametrize(
    "origin", ["null", "http://[", "http://]", "http://[::1", "//", "http://a\xff:b", "\u2100"]
)
def test_an_origin_that_names_no_site_is_refused(client, caller, origin):
    response = client.post(
        "/mcp",
        LIST,
        content_type="application/json",
        headers={**caller.headers, "Accept": BOTH, "Origin": origin},
    )

    assert_refused(response, 403, "foreign_origin")


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff", b'{"a":' * 99 + b"1" + b"}" * 99])
def test_what_is_no_json_object_is_refused(client, caller, body):
    response = client.post(
        "/mcp", body, content_type="application/json", headers={**caller.headers, "Accept": BOTH}
    )

    assert_refused(response, 400, "malformed")


def test_a_hundred_megabytes_are_not_even_read(client, caller):
    response = client.post(
        "/mcp",
        b"x",
        content_type="application/json",
        headers=caller.headers,
        CONTENT_LENGTH=str(100 * 2**20),
    )

    assert_refused(response, 413, "too_large")


def test_too_many_requests_are_refused_for_a_while(client, caller, settings):
    settings.API_REQUESTS_A_MINUTE = 1
    first = post(caller.secret, LIST)

    response = post(caller.secret, LIST)

    assert first.headers["RateLimit-Limit"] == "1"
    assert_refused(response, 429, "rate_limited")
    assert int(response.headers["Retry-After"]) > 0


def test_any_key_may_list_the_tools(client, buyer):
    for scope in Scope:
        key = Caller(client, buyer, scopes=[scope])
        assert "generate" in post(key.secret, LIST).text


def test_an_unknown_tool_is_an_error_of_the_protocol(caller):
    response = post(
        caller.secret,
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "draw"}},
    )

    assert "There is no tool" in response.text


def test_a_client_gets_a_name_for_its_requests(caller):
    first, second = (post(caller.secret, INITIALIZE) for _each in range(2))

    assert len(first.headers["Mcp-Session-Id"]) > 20
    assert first.headers["Mcp-Session-Id"] != second.headers["Mcp-Session-Id"]
    assert "Mcp-Session-Id" not in post(caller.secret, LIST).headers


def generated(caller, **changes):
    """The result of a call by the request with id 7."""
    headers = {"Mcp-Session-Id": changes.pop("session", "")}
    params = {"name": "generate", "arguments": {**WISH, "wait_seconds": 0, **changes}}
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    response = post(caller.secret, message, **headers)
    data = next(line for line in response.text.splitlines() if line.startswith("data: {"))
    return json.loads(data.removeprefix("data: "))["result"]


@pytest.mark.parametrize("field", ["guidance_scale", "seed", "width"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_lacks_are_refused_by_name(caller, field, value):
    result = generated(caller, **{field: value})

    assert result["isError"]
    assert list(result["structuredContent"]["error"]["errors"]) == [field]
    assert not Job.objects.exists()


def placed(caller, session):
    """Place a job by the request with id 7."""
    return generated(caller, session=session)["structuredContent"]["id"]


def cancel(caller, session, *, id=7):
    response = post(
        caller.secret,
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}},
        **({"Mcp-Session-Id": session} if session else {}),
    )
    assert response.status_code == 202


def test_a_message_cancels_the_job_of_its_request(caller):
    job = placed(caller, "one")

    cancel(caller, "one")

    assert Job.objects.get(pk=job).status == "canceled"


def test_a_message_that_comes_before_the_job_cancels_it_too(caller):
    cancel(caller, "one")

    job = placed(caller, "one")

    assert Job.objects.get(pk=job).status == "canceled"


@pytest.mark.parametrize(("session", "id"), [("two", 7), ("one", 8), ("one", "7"), ("", 7)])
def test_a_message_about_another_request_cancels_nothing(caller, session, id):
    job = placed(caller, "one")

    cancel(caller, session, id=id)

    assert Job.objects.get(pk=job).status == "queued"


def test_another_key_cancels_nothing(caller, anothers):
    job = placed(caller, "one")

    cancel(anothers, "one")

    assert Job.objects.get(pk=job).status == "queued"


@pytest.mark.parametrize("params", [None, [], {}, {"requestId": {"a": "\0"}}], ids=str)
def test_a_message_that_names_nothing_is_harmless(caller, params):
    message = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}

    response = post(caller.secret, message, **{"Mcp-Session-Id": "one"})

    assert response.status_code in {202, 400}
