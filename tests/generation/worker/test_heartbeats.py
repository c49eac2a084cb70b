"""Heartbeats of a real worker on the bundled checkpoint."""

import threading

import pytest
from django.db import connection

from generation import jobs
from generation.engine.loading.loader import Loader
from generation.engine.loop.engine import Engine
from generation.models import Job
from generation.queue import heartbeats
from generation.worker import step_loop, tender
from generation.worker.tender import Tender
from generation.worker.worker import Worker
from tests.generation.rows import make_request
from tests.running import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def start(monkeypatch):
    """Start workers, and close them after the test."""
    monkeypatch.setattr(tender, "TEND_SECONDS", 0.05)
    monkeypatch.setattr(step_loop, "IDLE_SECONDS", 0.05)
    started = []

    def start():
        loader = Loader()
        worker = Worker(Engine(loader=loader), loader, name="machine:1", slots=2)
        worker.start()
        started.append(worker)
        return worker

    yield start
    for worker in started:
        if not worker.is_closed.is_set():
            worker.close()


@pytest.fixture
def worker(start):
    return start()


def answer_bell(worker):
    """Call `work` in a new thread, as Celery does."""

    def answer():
        worker.work()
        connection.close()

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


def heard():
    return next(iter(heartbeats.alive()), None)


@pytest.mark.usefixtures("worker")
def test_a_worker_with_nothing_to_do_is_heard():
    wait_for(heard)

    said = heard()
    assert (said.worker, said.slots, said.running, said.is_stopping) == ("machine:1", 2, (), False)
    assert said.device.startswith("cpu")
    assert said.totals.steps == 0


def test_it_says_what_it_runs_and_what_it_did(alice, worker):
    job = jobs.submit(alice, make_request(num_inference_steps=60))

    thread = answer_bell(worker)
    wait_for(lambda: heard() and heard().running and heard().running[0].step > 1)
    during = heard()
    thread.join()
    wait_for(lambda: not heard().running)
    after = heard()

    (work,) = during.running
    assert (work.job, work.steps, work.phase) == (str(job.pk), 60, "denoising")
    assert during.warm == ("sketchbook",)
    assert during.pace.steps_per_second > 0
    assert 0 < during.pace.busy_share <= 1
    # With guidance a picture is two rows.
    assert (after.totals.steps, after.totals.rows) == (60, 120)
    assert after.totals.busy_us["step"] > during.totals.busy_us["step"] > 0


def test_a_worker_that_is_asked_to_stop_says_so(worker):
    worker.stop(grace=0)

    wait_for(lambda: heard() and heard().is_stopping)


def test_a_worker_that_was_closed_is_not_heard(worker):
    wait_for(heard)

    worker.close()

    assert heard() is None


def test_leases_are_renewed_whatever_else_fails(alice, start, monkeypatch, settings):
    settings.LEASE_RENEWAL_SECONDS = 0.1

    def fail(*_):
        raise OSError("away")

    for chore in ("_find_cancellations", "_look_who_watches", "_beat"):
        monkeypatch.setattr(Tender, chore, fail)
    job = jobs.submit(alice, make_request(num_inference_steps=100))
    thread = answer_bell(start())
    wait_for(lambda: Job.objects.get().lease_expires_at)
    first = Job.objects.get().lease_expires_at

    wait_for(lambda: lease(job) is None or lease(job) > first)
    renewed = lease(job)
    thread.join()

    assert renewed is not None


def lease(job):
    return Job.objects.get(pk=job.pk).lease_expires_at
