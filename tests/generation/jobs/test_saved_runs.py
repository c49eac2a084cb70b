"""States of runs in Valkey: fenced by attempt, bounded, and gone with their job."""

import uuid

import pytest
import redis

from generation import jobs
from generation.engine.charges import Charge
from generation.jobs import saved_runs
from generation.jobs.saved_runs import SavedState
from generation.models import Job
from generation.queue import valkey
from tests.generation.carrying import finish, submit_and_claim

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _none_kept(settings):
    client = redis.Redis.from_url(settings.REDIS_URL)
    if found := list(client.scan_iter("saved_run*")):
        client.delete(*found)


def a_job(attempt=1):
    return Job(pk=uuid.uuid4(), attempt=attempt)


def later(job, attempts=1):
    return Job(pk=job.pk, attempt=job.attempt + attempts)


def a_state(content=b"state", *, step=3, began=0):
    return SavedState(step=step, began=began, content=content)


def test_the_next_attempt_takes_what_was_kept():
    job = a_job()

    assert saved_runs.keep(job, a_state(b"early"))
    assert saved_runs.keep(job, a_state(b"late"))

    assert saved_runs.take(later(job)) == b"late"


def test_a_job_without_a_state_starts_from_nothing():
    assert saved_runs.take(a_job()) is None


def test_an_attempt_that_was_lost_keeps_nothing_any_more():
    job = a_job()
    saved_runs.keep(job, a_state(b"mine"))
    saved_runs.take(later(job))

    assert not saved_runs.keep(job, a_state(b"too late"))

    assert saved_runs.take(later(job, attempts=2)) == b"mine"


def test_an_older_state_of_the_same_attempt_changes_nothing():
    """The publisher may still write one while the carrier has written the last."""
    job = a_job()
    saved_runs.keep(job, a_state(b"last", step=6))

    assert not saved_runs.keep(job, a_state(b"earlier", step=5))

    assert saved_runs.take(later(job)) == b"last"


def test_an_attempt_that_started_over_keeps_its_new_states():
    job = a_job(attempt=2)
    saved_runs.keep(job, a_state(b"old", step=6, began=4))

    assert saved_runs.keep(job, a_state(b"new", step=1, began=0))


def test_nothing_is_kept_of_a_job_that_has_ended():
    job = a_job()
    saved_runs.keep(job, a_state())
    saved_runs.forget(job.pk)

    assert not saved_runs.keep(job, a_state(step=4))

    assert saved_runs.take(job) is None


def test_the_charges_are_known_without_the_state():
    job = a_job()
    charges = [Charge(phase="encode", us=5), Charge(phase="step", index=1, us=7)]
    assert saved_runs.charges_of(job) == []

    saved_runs.keep(job, SavedState(step=1, began=0, content=b"state", charges=charges))

    assert saved_runs.charges_of(job) == charges


def test_lost_bookkeeping_is_begun_anew(settings):
    settings.SAVED_RUNS_BYTES = 100
    saved_runs.keep(a_job(), a_state(b"a" * 60))
    redis.Redis.from_url(settings.REDIS_URL).delete("saved_runs:ages")

    assert saved_runs.keep(a_job(), a_state(b"b" * 60))
    assert saved_runs.keep(a_job(), a_state(b"c" * 60))


def test_a_state_that_was_taken_can_be_taken_again():
    """The second attempt may die before it has made a step."""
    job = a_job()
    saved_runs.keep(job, a_state())

    assert saved_runs.take(later(job)) == saved_runs.take(later(job, attempts=2)) == b"state"


def test_progress_is_what_the_present_attempt_has_made():
    job = a_job()
    assert saved_runs.progress_of(job) == 0
    saved_runs.keep(job, a_state(step=3, began=0))
    assert saved_runs.progress_of(job) == 3
    saved_runs.take(later(job))
    assert saved_runs.progress_of(later(job)) == 0
    saved_runs.keep(later(job), a_state(step=3, began=3))
    assert saved_runs.progress_of(later(job)) == 0
    saved_runs.keep(later(job), a_state(step=4, began=3))
    assert saved_runs.progress_of(later(job)) == 4


def test_the_oldest_states_make_room(settings):
    settings.SAVED_RUNS_BYTES = 100
    old, renewed, new = a_job(), a_job(), a_job()
    saved_runs.keep(renewed, a_state(b"a" * 40))
    saved_runs.keep(old, a_state(b"b" * 40))
    saved_runs.keep(renewed, a_state(b"c" * 40))
    backdate(settings, old)

    assert saved_runs.keep(new, a_state(b"d" * 50))

    assert saved_runs.take(later(old)) is None
    assert saved_runs.take(later(renewed)) == b"c" * 40
    assert saved_runs.take(later(new)) == b"d" * 50


def backdate(settings, job, *, seconds=10):
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.zincrby("saved_runs:ages", -seconds, f"saved_run:{job.pk}")


def test_a_state_that_is_larger_than_the_room_is_not_kept(settings):
    settings.SAVED_RUNS_BYTES = 100
    other = a_job()
    saved_runs.keep(other, a_state(b"a" * 60))

    assert not saved_runs.keep(a_job(), a_state(b"b" * 101))

    assert saved_runs.take(later(other)) == b"a" * 60


def test_states_that_have_expired_take_no_room(settings):
    settings.SAVED_RUNS_BYTES = 100
    expired, kept = a_job(), a_job()
    saved_runs.keep(expired, a_state(b"a" * 50))
    redis.Redis.from_url(settings.REDIS_URL).delete(f"saved_run:{expired.pk}")
    backdate(settings, expired, seconds=saved_runs.EXPIRY_SECONDS + 1)
    saved_runs.keep(kept, a_state(b"b" * 50))

    assert saved_runs.keep(a_job(), a_state(b"c" * 50))

    assert saved_runs.take(later(kept)) == b"b" * 50


def test_states_expire(settings):
    job = a_job()
    saved_runs.keep(job, a_state())

    left = redis.Redis.from_url(settings.REDIS_URL).ttl(f"saved_run:{job.pk}")

    assert 0 < left <= saved_runs.EXPIRY_SECONDS


@pytest.mark.parametrize("verb", ["finish", "cancel"])
def test_a_state_goes_with_its_job(alice, django_capture_on_commit_callbacks, verb):
    job = submit_and_claim(alice)
    saved_runs.keep(job, a_state())

    with django_capture_on_commit_callbacks(execute=True):
        if verb == "finish":
            finish(job)
        else:
            jobs.pause(job, step=3, why="paid_first")
            jobs.cancel(job)

    assert saved_runs.take(later(job)) is None


def test_without_valkey_jobs_start_over(settings, monkeypatch):
    job = a_job()
    saved_runs.keep(job, a_state())
    gone = redis.Redis.from_url("redis://127.0.0.1:1/0")
    monkeypatch.setattr(valkey, "client", lambda: gone)

    assert saved_runs.take(later(job)) is None
    assert saved_runs.progress_of(job) == 0
    saved_runs.forget(job.pk)
