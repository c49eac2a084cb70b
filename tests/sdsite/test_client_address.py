"""The address in log lines: a client's own X-Forwarded-For counts for nothing."""

import pytest
from django.urls import reverse
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

FORGED, CLIENT, PROXY = "203.0.113.9", "198.51.100.7", "192.0.2.1"


@pytest.fixture
def addresses(client):
    """A function that sends a request, and returns the addresses in the log lines about it."""

    def addresses(*, forwarded=None, peer=PROXY):
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        with capture_logs(processors=[merge_contextvars]) as lines:
            client.get(reverse("robots"), headers=headers, REMOTE_ADDR=peer)
        return {line["ip"] for line in lines if line["event"].startswith("request_")}

    return addresses


def test_without_a_trusted_proxy_the_connection_counts(addresses):
    assert addresses(forwarded=FORGED, peer=CLIENT) == {CLIENT}


@pytest.mark.parametrize(
    ("trusted", "forwarded"),
    [
        (1, f"{FORGED}, {CLIENT}"),
        (1, CLIENT),
        (2, f"{FORGED}, {CLIENT}, {PROXY}"),
    ],
)
def test_only_what_trusted_proxies_added_counts(addresses, settings, trusted, forwarded):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = trusted

    assert addresses(forwarded=forwarded) == {CLIENT}


@pytest.mark.parametrize("forwarded", [FORGED, "no address, nor this", ""])
def test_a_request_that_came_around_the_proxies_has_the_address_of_its_connection(
    addresses, settings, forwarded
):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2

    assert addresses(forwarded=forwarded, peer=CLIENT) == {CLIENT}
