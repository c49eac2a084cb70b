"""A user whose requests fail by themselves again and again has to pause."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from generation import jobs
from generation.jobs import failure_limit
from generation.models import Job, Status
from generation.models.failures import BY_REQUEST
from tests.generation.api.native.helpers import API, assert_problem
from tests.generation.rows import make_job, make_request

pytestmark = pytest.mark.django_db
FILLED = {"prompt": "a red house", "checkpoint": "sketchbook", "shape": "square"}


def end(user, *, status=Status.FAILED, code="nan", ms=5_000, ago=timedelta(0)):
    """A job that ended some time ago, after `ms` of device time."""
    job = make_job(user, status=status)
    Job.objects.filter(pk=job.pk).update(
        error_code=code, device_ms=ms, finished_at=timezone.now() - ago
    )


def pause(user):
    """The seconds for which the user has to pause."""
    with pytest.raises(jobs.TooManyFailures) as raised:
        jobs.submit(user, make_request())
    return raised.value.retry_after


@pytest.mark.parametrize("code", BY_REQUEST)
def test_who_fails_again_and_again_has_to_pause(alice, code):
    for _ in range(failure_limit.FREE_FAILURES - 1):
        end(alice, code=code)
    jobs.submit(alice, make_request())

    end(alice, code=code)

    assert pause(alice) <= 60
    assert Job.objects.filter(status=Status.QUEUED).count() == 1


def test_each_further_failure_doubles_the_pause_up_to_a_limit(alice):
    pauses = []
    for _ in range(failure_limit.FREE_FAILURES):
        end(alice)
    for _ in range(7):
        pauses.append(round(pause(alice) / 60))
        end(alice)

    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_after_the_pause_the_next_job_is_taken(alice):
    for _ in range(failure_limit.FREE_FAILURES):
        end(alice, ago=timedelta(minutes=2))

    assert jobs.submit(alice, make_request())


def test_failures_of_long_ago_are_forgotten(alice):
    for _ in range(20):
        end(alice, ago=failure_limit.WINDOW + timedelta(seconds=1))

    assert jobs.submit(alice, make_request())


def test_who_mostly_succeeds_need_not_pause(alice):
    for _ in range(failure_limit.FREE_FAILURES):
        end(alice, ms=5_000)
        end(alice, ms=6_000, status=Status.SUCCEEDED)

    assert jobs.submit(alice, make_request())


def test_a_small_picture_in_between_does_not_pay_for_large_ones_that_fail(alice):
    for _ in range(failure_limit.FREE_FAILURES):
        end(alice, ms=5_000)
        end(alice, ms=50, status=Status.SUCCEEDED)

    assert pause(alice)


@pytest.mark.parametrize("code", ["budget", "error", "load", "lost", "storage"])
def test_nobody_pauses_for_failures_of_ours(alice, code):
    for _ in range(10):
        end(alice, code=code)

    assert jobs.submit(alice, make_request())


def test_nobody_pauses_for_the_failures_of_others(alice, bob):
    for _ in range(10):
        end(alice)

    assert jobs.submit(bob, make_request())


def test_programs_are_told_how_long_to_pause(caller):
    for _ in range(failure_limit.FREE_FAILURES):
        end(caller.key.user)

    response = caller.post(f"{API}/jobs", {"prompt": "a red house"})

    assert_problem(response, 429, "too_many_failures")
    assert 0 < int(response.headers["Retry-After"]) <= 60


def test_the_studio_says_how_long_to_pause(client, alice):
    for _ in range(failure_limit.FREE_FAILURES):
        end(alice)
    client.force_login(alice)

    response = client.post(reverse("studio"), FILLED)

    assert "try again in 1 minute." in str(response.context["form"].non_field_errors())
