import errno

import pytest
import redis
from django.contrib.sessions.backends.cached_db import SessionStore
from django.core.cache.backends.redis import RedisCache
from django.db import OperationalError
from django.test import AsyncClient, Client
from django.urls import reverse

from generation.images import uploads
from sdsite import health

pytestmark = pytest.mark.django_db


@pytest.fixture
def failing(monkeypatch):
    """Makes a request fail with the given exception."""

    def fail_with(error):
        def raise_error(*_, **__):
            raise error

        monkeypatch.setattr(health, "CHECKS", {})
        monkeypatch.setattr(health, "_worker", raise_error)
        monkeypatch.setattr(health, "JsonResponse", raise_error)

    return fail_with


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("restarting"),
        redis.ConnectionError("gone"),
        OSError(errno.ENOSPC, "full"),
        uploads.NotStored(),
    ],
    ids=type,
)
def test_a_server_that_is_missing_is_a_passing_error(client, failing, error):
    failing(error)

    response = client.get(reverse("readyz"))

    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert b"load this page again" in response.content


async def test_it_is_the_same_in_an_asynchronous_server(failing):
    failing(OperationalError("restarting"))

    response = await AsyncClient(raise_request_exception=False).get(reverse("readyz"))

    assert response.status_code == 503


def test_a_server_that_is_missing_is_asked_once(client, settings, monkeypatch):
    asked = []

    def load(_store):
        asked.append("session")
        raise OperationalError("restarting")

    monkeypatch.setattr(SessionStore, "load", load)
    client.cookies[settings.SESSION_COOKIE_NAME] = "x" * 32

    response = client.get(reverse("studio"))

    assert response.status_code == 503
    assert asked == ["session"]


class Shown:
    """A local variable; `times` counts how often it was printed."""

    times = 0

    def __repr__(self):
        Shown.times += 1
        return "a user who is looked up"


@pytest.mark.parametrize(
    ("error", "is_shown"), [(OperationalError("gone"), False), (ValueError(), True)]
)
def test_debugging_a_temporary_error_queries_nothing_again(
    client, settings, monkeypatch, error, is_shown
):
    def fail(*_):
        _user = Shown()
        raise error

    monkeypatch.setattr(Shown, "times", 0)
    monkeypatch.setattr(health, "CHECKS", {})
    monkeypatch.setattr(health, "JsonResponse", fail)
    settings.DEBUG = True

    response = client.get(reverse("readyz"))

    assert response.status_code == 500
    assert type(error).__name__ in response.content.decode()
    assert bool(Shown.times) == is_shown


def test_a_mistake_of_ours_is_not_a_passing_error(client, failing):
    failing(ValueError("a bug"))

    assert client.get(reverse("readyz")).status_code == 500


def test_sign_in_without_valkey_says_to_come_back(client, settings):
    settings.CACHES = {
        "default": {
            "BACKEND": f"{RedisCache.__module__}.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    response = client.post(reverse("account_login"), {"login": "a@example.com", "password": "x"})

    assert response.status_code == 503
