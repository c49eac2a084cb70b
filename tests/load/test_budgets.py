"""Hundreds of concurrent API requests with twenty keys, some beyond their budgets."""

import asyncio
import random
import threading
from collections import Counter
from dataclasses import dataclass

import httpx2
import pytest
from django.db import connection

from accounts import keys
from accounts.keys import Limits
from generation import jobs
from generation.engine.charges import Charge
from generation.jobs import budgets
from generation.models import Job
from generation.models.api import Call
from tests.factories import make_user
from tests.generation.api.callers import PRICE, WISH, buy_credits
from tests.generation.books import assert_books_balance
from tests.running import serving

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
OWNERS = 4
REQUESTS = 300
# Many more than the site's database connections.
CONNECTIONS = 200
# In images, for an owner's keys: the last is above what is asked for.
BUDGETS = (0, 1, 3, 9, 40)
# The queue is full, or the site is too busy: clients retry.
PASSING = {429, 503}
RETRY_SECONDS = 0.2
LONGEST_SECONDS = 480


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The final answer to a request, and its number of attempts."""

    secret: str
    status: int
    kind: str
    code: str
    tries: int


@pytest.fixture
def programs():
    owners = [buy_credits(make_user(f"owner-{number}@example.com")) for number in range(OWNERS)]
    return [
        keys.make(
            owner,
            name=str(budget),
            limits=Limits(budget=budget * PRICE + PRICE // 2),
        )
        for owner in owners
        for budget in BUDGETS
    ]


def end_jobs(done):
    """End jobs in random ways until `done` is set: unspent budget becomes available again."""
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


async def ask(client, secret):
    response, tries = await post(client, secret), 1
    while response.status_code in PASSING:
        assert int(response.headers["Retry-After"]) > 0
        await asyncio.sleep(RETRY_SECONDS)
        response, tries = await post(client, secret), tries + 1
    return Answer(
        secret=secret,
        status=response.status_code,
        kind=response.headers["Content-Type"].partition(";")[0],
        code=response.json().get("code", ""),
        tries=tries,
    )


async def post(client, secret):
    headers = {"Authorization": f"Bearer {secret}"}
    return await client.post("/api/v1/jobs", json=WISH, headers=headers)


async def ask_at_once(url, secrets):
    """Send all requests at once while their jobs end. Raises the first error of either."""
    limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    done = threading.Event()
    async with (
        asyncio.timeout(LONGEST_SECONDS),
        httpx2.AsyncClient(base_url=url, limits=limits, timeout=None) as client,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(asyncio.to_thread(end_jobs, done))
        try:
            return await asyncio.gather(*(ask(client, secret) for secret in secrets))
        finally:
            done.set()


def test_no_key_spends_above_its_budget(programs):
    secrets = [secret for _key, secret in programs] * (REQUESTS // len(programs))
    random.Random(7).shuffle(secrets)

    # Every call has to be in the log, however long it waits for a connection.
    with serving(DATABASE_POOL_WAIT_SECONDS="60") as url:
        answers = asyncio.run(ask_at_once(url, secrets))

    assert len(answers) == REQUESTS
    assert {(each.status, each.kind, each.code) for each in answers} == {
        (202, "application/json", ""),
        (402, "application/problem+json", "budget_exceeded"),
    }
    taken = Counter(each.secret for each in answers if each.status == 202)
    for key, secret in programs:
        found = Job.objects.filter(api_key=key)
        counted = sum(
            job.price if job.charged_credits is None else job.charged_credits for job in found
        )
        assert found.count() == taken[secret]
        assert budgets.spent(key) == counted <= key.budget
        assert taken[secret] > 0 or key.budget < PRICE
    assert Call.objects.count() == sum(each.tries for each in answers)
    assert_books_balance()
