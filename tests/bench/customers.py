"""Eight subscribers on the tests' servers, who keep two workers busy, one of which is killed."""

import os
import subprocess
import sys
import time
from random import Random

from accounts.models import User
from generation import jobs
from generation.models import Job, Speed, Status
from sdsite.processes import PROJECT
from tests import factories
from tests.bench.wishes import SKETCHBOOK, wish
from tests.running import wait_for

USERS = 8
JOBS_EACH = 2
SIZES = (64, SKETCHBOOK.native_size, 256)
STEPS = (4, 8, 16)
# Of those that are canceled, or whose worker is killed.
LONG_STEPS = 30
PATIENCE_SECONDS = 200
# So that what a dead worker held is soon taken from it.
LEASE = {"LEASE_SECONDS": "5", "LEASE_RENEWAL_SECONDS": "1"}


class Device:
    """A worker in a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.device"],
            cwd=PROJECT,
            env={**os.environ, **LEASE},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._read() == "ready"

    def busy_us(self) -> int:
        """Microseconds that it was busy; exact while nothing runs."""
        assert self._process.stdin is not None
        print("busy?", file=self._process.stdin, flush=True)
        return int(self._read())

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def charged_and_busy() -> tuple[int, int]:
    """Microseconds: those charged to all customers, and those that devices were busy on their behalf.

    What a worker had begun when it was killed is the house's, and left out of the second.
    """
    # No charge is to exceed its hold, however slow the machine is.
    Speed.objects.create(
        checkpoint=SKETCHBOOK.id, device="slow", ms_per_step_megapixel=50_000, overhead_ms=1_000
    )
    users = [_subscriber(number) for number in range(USERS)]
    first = Device()
    _keep_busy(users, seed=1)
    busy_us = first.busy_us()
    abandoned = [
        jobs.submit(user, wish(number, num_inference_steps=LONG_STEPS))
        for number, user in enumerate(users)
    ]
    wait_for(lambda: Job.objects.running().count() == USERS)
    time.sleep(0.5)
    first.kill()
    assert Job.objects.running().count() == USERS, "the worker was killed too late"
    second = Device()
    _wait_until_ended()
    assert all(job.attempt == 2 for job in Job.objects.filter(pk__in=[j.pk for j in abandoned]))
    _keep_busy(users, seed=2)
    busy_us += second.busy_us()
    second.kill()
    return sum(job.charged_ms * 1_000 for job in Job.objects.all()), busy_us


def _keep_busy(users: list[User], *, seed: int) -> None:
    """All users make pictures of all sizes and lengths, and cancel a long one midway."""
    random = Random(seed)
    for number in range(USERS * JOBS_EACH):
        request = wish(number, size=random.choice(SIZES), num_inference_steps=random.choice(STEPS))
        jobs.submit(users[number % USERS], request)
        if number % JOBS_EACH == 0:
            _cancel_midway(users[number % USERS], wait=random.random())
    _wait_until_ended()
    assert Job.objects.filter(status=Status.CANCELED, charged_ms__gt=0).exists()


def _cancel_midway(user: User, *, wait: float) -> None:
    """Submit a long job and cancel it `wait` seconds after it was claimed."""
    job = jobs.submit(user, wish(0, num_inference_steps=LONG_STEPS))
    wait_for(lambda: not Job.objects.queued().filter(pk=job.pk).exists())
    time.sleep(wait)
    jobs.cancel(job)


def _subscriber(number: int) -> User:
    user = factories.make_user(f"customer-{number}@example.com")
    factories.subscribe(user)
    return user


def _wait_until_ended() -> None:
    wait_for(_have_ended, seconds=PATIENCE_SECONDS)


def _have_ended() -> bool:
    jobs.reap()
    return not Job.objects.active().exists()
