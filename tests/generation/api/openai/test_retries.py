"""Retries of OpenAI's SDK, which sends no Idempotency-Key."""

import pytest

from generation.api import wait
from generation.models import Job
from generation.models.api import Order
from tests.generation.api.formats import OPENAI, ask
from tests.generation.api.test_orders import end_all

pytestmark = pytest.mark.django_db
RETRY = {"X-Stainless-Retry-Count": "1"}


@pytest.fixture
def no_worker(monkeypatch):
    monkeypatch.setattr(wait, "LONGEST_SECONDS", 0.0)


def test_a_retry_of_an_attempt_without_a_response_joins_its_job(caller, no_worker):
    assert ask(caller, OPENAI).status_code == 504

    assert ask(caller, OPENAI, **RETRY).status_code == 504

    assert Job.objects.count() == 1
    assert Order.objects.get().delivered_at is None


def test_a_retry_gets_the_picture_that_was_made_meanwhile(caller, no_worker):
    ask(caller, OPENAI)
    end_all()

    response = ask(caller, OPENAI, **RETRY)

    assert response.status_code == 200
    assert response.headers["X-Job-Id"] == str(Job.objects.get().pk)


def test_once_delivered_the_same_request_makes_its_own_picture(caller, worker):
    first = ask(caller, OPENAI)

    second = ask(caller, OPENAI, **RETRY)

    assert first.headers["X-Job-Id"] != second.headers["X-Job-Id"]
    assert Job.objects.count() == 2


def test_a_retry_after_a_failure_tries_again(caller, no_worker):
    ask(caller, OPENAI)
    end_all(failing=[0])
    assert ask(caller, OPENAI, **RETRY).status_code == 500

    ask(caller, OPENAI, **RETRY)

    assert Job.objects.count() == 2


def test_an_idempotency_key_returns_the_same_pictures_however_often(caller, worker):
    for _time in range(3):
        assert ask(caller, OPENAI, **{"Idempotency-Key": "one"}).status_code == 200

    assert Job.objects.count() == 1
