from datetime import timedelta

import pytest
from django.utils import timezone

from generation import jobs
from generation.models import Job
from generation.queue import counters
from generation.queue import valkey as shared
from tests.generation.carrying import (
    CHARGED_MS,
    CHARGES,
    claim,
    finish,
    let_lapse,
    submit,
    submit_and_claim,
)
from tests.valkey import Valkey

pytestmark = pytest.mark.django_db


@pytest.fixture
def counted(django_capture_on_commit_callbacks):
    """The counts that a function adds."""

    def counted(act, *args, **options):
        before = counters.read()
        with django_capture_on_commit_callbacks(execute=True):
            act(*args, **options)
        after = counters.read()
        return {name: after[name] - before.get(name, 0) for name in after}

    return counted


def changed(counts):
    return {name: count for name, count in counts.items() if count}


def test_a_submission_is_counted(counted, alice):
    assert changed(counted(submit, alice)) == {("submitted", "sketchbook"): 1}


def test_a_start_is_counted_with_its_wait(counted, alice):
    submit(alice)
    Job.objects.update(queued_at=timezone.now() - timedelta(seconds=20))

    counts = changed(counted(claim))

    assert counts.pop(("waited_ms",)) == pytest.approx(20_000, abs=1_000)
    assert counts == {("started", "sketchbook"): 1, ("waited", "30.0"): 1}


def test_an_end_is_counted_with_its_charge(counted, alice):
    job = submit_and_claim(alice)

    assert changed(counted(finish, job)) == {
        ("ended", "succeeded", "", "sketchbook"): 1,
        ("charged_ms", "sketchbook"): CHARGED_MS,
    }


def test_a_failure_is_counted_with_its_reason(counted, alice):
    job = submit_and_claim(alice)

    counts = changed(counted(jobs.fail, job, code="nan", message="", charges=CHARGES))

    assert counts == {("ended", "failed", "nan", "sketchbook"): 1}


def test_a_job_that_is_canceled_in_line_is_counted(counted, alice):
    job = submit(alice)

    assert changed(counted(jobs.cancel, job)) == {("ended", "canceled", "", "sketchbook"): 1}


def test_a_job_that_lost_its_worker_is_counted_and_its_second_wait_is_not(counted, alice):
    let_lapse(submit_and_claim(alice))

    assert changed(counted(jobs.reap)) == {("returned", "sketchbook"): 1}
    assert changed(counted(claim)) == {("started", "sketchbook"): 1}


def test_what_is_rolled_back_is_not_counted(alice, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks():
        submit(alice)

    assert counters.read() == {}


@pytest.mark.parametrize(
    ("seconds", "bound"), [(0, "0.1"), (0.1, "0.1"), (0.11, "0.25"), (600, "600.0"), (601, "+Inf")]
)
def test_a_wait_belongs_to_the_first_bound_that_is_not_below_it(seconds, bound):
    assert counters.wait_bound(seconds) == bound


def test_jobs_go_on_uncounted_while_valkey_is_away(settings, alice):
    with Valkey() as valkey:
        settings.REDIS_URL = valkey.url
        shared.client.cache_clear()
        valkey.kill()
        try:
            counters.note(submit(alice))
        finally:
            shared.client.cache_clear()
