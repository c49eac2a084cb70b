"""Jobs of closed accounts. For their sockets see tests/faults."""

import pytest

from billing import ledger
from billing.models import Unit
from generation import jobs, tasks
from generation.models import Status
from tests.generation.rows import make_job, make_request

pytestmark = pytest.mark.django_db


@pytest.fixture
def close(django_capture_on_commit_callbacks):
    def close(user):
        user.is_active = False
        with django_capture_on_commit_callbacks(execute=True):
            user.save()

    return close


def test_what_a_closed_account_has_in_line_stops_and_costs_nothing(alice, close):
    before = ledger.available(alice, Unit.GPU_MS)
    job = jobs.submit(alice, make_request())

    close(alice)

    job.refresh_from_db()
    assert job.status == Status.CANCELED
    assert ledger.available(alice, Unit.GPU_MS) == before


def test_what_it_has_running_is_asked_to_stop(alice, close):
    job = make_job(alice, status=Status.RUNNING)

    close(alice)

    job.refresh_from_db()
    assert job.cancel_requested


def test_others_go_on(alice, bob, close):
    job = jobs.submit(bob, make_request())

    close(alice)

    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_a_new_password_stops_nothing(alice, django_capture_on_commit_callbacks):
    job = jobs.submit(alice, make_request())

    with django_capture_on_commit_callbacks(execute=True):
        alice.set_password("another horse battery staple")
        alice.save()

    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_what_came_a_moment_later_is_found_by_the_reaper(alice, bob, close):
    close(alice)
    late, others = jobs.submit(alice, make_request()), jobs.submit(bob, make_request())

    tasks.reap()

    late.refresh_from_db()
    others.refresh_from_db()
    assert (late.status, others.status) == (Status.CANCELED, Status.QUEUED)
