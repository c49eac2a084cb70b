"""A thousand requests of fifty programs at once, some of which want more than they may spend."""

import json
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from accounts import keys
from accounts.keys import Limits
from generation import budgets, jobs, terms
from generation.engine.events import Charge
from generation.models import Job
from tests.billing.books import assert_books_balance
from tests.factories import make_user
from tests.generation.api.callers import PRICE, WISH, buy_credits

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
OWNERS = 5
KEYS_EACH = 10
REQUESTS = 1_000
THREADS = 24
# Of pictures, for the keys of an owner in turn.
BUDGETS = (0, 1, 3, 7, 19, 40)


@pytest.fixture
def programs(monkeypatch):
    monkeypatch.setattr(terms, "WAITING_FOR_EACH_RUNNING", REQUESTS)
    owners = [buy_credits(make_user(f"owner-{number}@example.com")) for number in range(OWNERS)]
    return [
        keys.make(
            owner,
            name=str(number),
            limits=Limits(budget=BUDGETS[number % len(BUDGETS)] * PRICE + PRICE // 2),
        )
        for owner in owners
        for number in range(KEYS_EACH)
    ]


def ask(secret):
    """The status of the answer; who is told to come again, does."""
    try:
        while True:
            response = Client().post(
                "/api/v1/jobs",
                json.dumps(WISH),
                content_type="application/json",
                headers={"Authorization": f"Bearer {secret}"},
            )
            if response.status_code != 503:
                return response.status_code
    finally:
        connection.close()


def work(done):
    """End jobs meanwhile, each as it happens to: what was not charged can be spent again."""
    chance = random.Random(1)
    try:
        while not done.is_set():
            job = jobs.claim(worker="machine:1")
            if job is None:
                done.wait(0.01)
            elif chance.random() < 0.3:
                jobs.fail(job, code="nan", message="No picture.")
            else:
                steps = [Charge(phase="step", index=each, us=1_000) for each in range(1, 16)]
                jobs.stop(job, steps)
    finally:
        connection.close()


def test_no_key_spends_above_its_budget(programs):
    secrets = [secret for _key, secret in programs] * (REQUESTS // len(programs))
    random.Random(7).shuffle(secrets)
    done = threading.Event()
    worker = threading.Thread(target=work, args=(done,))
    worker.start()

    with ThreadPoolExecutor(THREADS) as pool:
        answers = Counter(pool.map(ask, secrets))
    done.set()
    worker.join()

    assert answers.keys() == {202, 402}
    assert answers.total() == REQUESTS
    for key, _secret in programs:
        found = Job.objects.filter(api_key=key)
        counted = sum(
            job.price if job.charged_credits is None else job.charged_credits for job in found
        )
        assert budgets.spent(key) == counted <= key.budget
    assert_books_balance()
