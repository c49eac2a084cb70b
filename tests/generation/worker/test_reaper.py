"""Workers return the jobs of dead ones to the queue, without beat."""

import threading

import pytest
from django.db import OperationalError, connection

from generation import jobs, tasks
from generation.jobs.outages import Outages
from generation.models import Job, Status
from generation.worker import reaper
from generation.worker.reaper import Reaper
from tests.generation.carrying import let_lapse, submit_and_claim

pytestmark = pytest.mark.django_db(transaction=True)


class Rounds(threading.Event):
    """Is set after so many waits, whose lengths it keeps."""

    def __init__(self, count):
        super().__init__()
        self.count = count
        self.waits = []

    def wait(self, timeout=None):
        self.waits.append(timeout)
        return len(self.waits) > self.count


@pytest.fixture
def bells(monkeypatch):
    """The bells that ring for waiting jobs."""
    rung = []
    monkeypatch.setattr(jobs.leases.transitions, "ring", lambda: rung.append(1))
    return rung


def test_the_job_of_a_dead_worker_waits_again_and_rings(alice, bells):
    job = submit_and_claim(alice)
    let_lapse(job)

    Reaper().run(Rounds(1))

    assert Job.objects.get(pk=job.pk).status == Status.QUEUED
    assert bells


def test_many_reapers_at_once_move_a_job_once(alice):
    job = submit_and_claim(alice)
    let_lapse(job)
    start = threading.Barrier(4)

    def reap():
        start.wait()
        Reaper().run(Rounds(1))
        connection.close()

    threads = [threading.Thread(target=reap) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Job.objects.get(pk=job.pk).lapses == 1
    assert [str(move) for move in job.transitions.all()].count("running -> queued") == 1


def test_a_missing_server_does_not_end_it(alice, monkeypatch, settings, bells):
    settings.LEASE_RENEWAL_SECONDS = 0
    answers = [OperationalError("away"), 0]

    def reap():
        answer = answers.pop(0)
        if answer:
            raise answer

    monkeypatch.setattr(reaper.jobs, "reap", reap)

    Reaper().run(Rounds(2))

    assert answers == []


def test_workers_look_at_different_times(monkeypatch, settings):
    settings.WORKER_REAP_SECONDS = 30
    monkeypatch.setattr(reaper.jobs, "reap", lambda: 0)
    monkeypatch.setattr(reaper.jobs, "ring_for_waiting", lambda: None)
    rounds = Rounds(50)

    Reaper().run(rounds)

    assert 15 <= min(rounds.waits) < max(rounds.waits) <= 45


def test_after_an_outage_workers_have_time_to_renew_their_leases(alice, monkeypatch):
    job = submit_and_claim(alice)
    let_lapse(job)
    really_reap, tries = jobs.reap, []

    def reap():
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("away")
        return really_reap()

    monkeypatch.setattr(reaper.jobs, "reap", reap)
    one = Reaper()

    one.run(Rounds(3))

    assert Job.objects.get(pk=job.pk).status == Status.RUNNING
    one._outages._patient_until = 0
    one.run(Rounds(1))
    assert Job.objects.get(pk=job.pk).lapses == 1


def test_after_an_outage_the_background_process_is_patient_too(alice, monkeypatch):
    monkeypatch.setattr(tasks, "_outages", Outages())
    job = submit_and_claim(alice)
    let_lapse(job)
    with monkeypatch.context() as away:
        away.setattr(jobs, "cancel_of_closed", _fail)
        with pytest.raises(OperationalError):
            tasks.reap()

    assert tasks.reap() == 0
    assert jobs.renew(job)
    assert Job.objects.get(pk=job.pk).lapses == 0


def _fail():
    raise OperationalError("away")
