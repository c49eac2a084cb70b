"""Lapsed leases: which jobs are blamed for them, and what runs beside a job that may be to blame."""

import pytest
import redis
from django.conf import settings

from generation import jobs
from generation.jobs import leases
from generation.models import Job, Status
from generation.queue import heartbeats
from tests.billing.books import assert_books_balance
from tests.generation.carrying import claim, finish, let_lapse, submit, submit_and_claim
from tests.generation.workers import say

pytestmark = pytest.mark.django_db

SLOTS = 4


def claim_beside(*running):
    """What a worker that runs these jobs claims."""
    return jobs.claim(worker="machine:1", running=[job.pk for job in running])


def lapse(job):
    let_lapse(job)
    assert jobs.reap() == 1
    job.refresh_from_db()
    return job


def fill_worker():
    """Claim as a worker with SLOTS does; returns its jobs."""
    batch = []
    while len(batch) < SLOTS and not any(job.is_suspect for job in batch):
        if (job := claim_beside(*batch)) is None:
            break
        batch.append(job)
    return batch


def notes(job):
    return [move.note for move in job.transitions.all() if move.note]


# Who runs beside whom ---------------------------------------------------------------------------


def test_a_job_that_kills_its_worker_fails_and_its_batch_mates_end_well(alice, bob):
    poison = submit(alice)
    mates = [submit(bob), submit(alice), submit(bob), submit(alice), submit(bob)]

    while batch := fill_worker():
        if poison in batch:
            let_lapse(*batch)
            jobs.reap()
        else:
            for job in batch:
                finish(job)

    poison.refresh_from_db()
    assert (poison.status, poison.error_code, poison.lapses) == (Status.FAILED, "lost", 3)
    for mate in mates:
        mate.refresh_from_db()
        assert (mate.status, mate.error_code) == (Status.SUCCEEDED, "")
    assert max(mate.lapses for mate in mates) == 1
    assert_books_balance()


def test_a_suspect_starts_beside_no_other_job(alice, bob):
    suspect = lapse(submit_and_claim(alice))
    other = Job(pk="0" * 32)

    assert claim_beside(other) is None
    assert claim_beside() == suspect


def test_a_busy_worker_claims_nothing_while_a_suspect_is_first(alice, bob, charlie):
    suspect = lapse(submit_and_claim(alice))
    waiting = submit(bob)
    running = Job(pk="0" * 32)

    assert claim_beside(running) is None
    # Once another worker has it, the busy one goes on.
    assert jobs.claim(worker="machine:2") == suspect
    assert claim_beside(running) == waiting


def test_a_suspect_is_not_chosen_for_its_warm_checkpoint_beside_others(alice, bob, monkeypatch):
    suspect = lapse(submit_and_claim(alice))
    first = submit(bob)
    Job.objects.filter(pk=first.pk).update(rank=-1, checkpoint="sd-1.5")

    claimed = claim(warm={"sketchbook"}, running=[Job(pk="0" * 32).pk])

    assert claimed == first
    assert Job.objects.queued().get() == suspect


def test_a_suspect_may_start_beside_its_own_lost_attempt(alice):
    suspect = lapse(submit_and_claim(alice))

    assert claim_beside(suspect) == suspect


# Nobody's fault ---------------------------------------------------------------------------------


def test_a_lapse_after_its_worker_was_told_to_end_is_nobodys_fault(alice):
    job = submit(alice)
    for _ in range(settings.MAX_ATTEMPTS + 1):
        claimed = claim()
        jobs.excuse(worker="machine:1")
        lapse(claimed)

    job.refresh_from_db()
    assert (job.status, job.lapses, job.is_suspect) == (Status.QUEUED, 0, False)
    assert notes(job)[-1] == leases.WORKER_ENDED


def test_an_excuse_is_for_one_attempt_and_one_worker(alice, bob):
    ours, theirs = submit_and_claim(alice), submit(bob)
    theirs = jobs.claim(worker="machine:2")
    jobs.excuse(worker="machine:1")
    lapse(theirs)
    lapse(ours)
    assert (ours.lapses, theirs.lapses) == (0, 1)
    jobs.cancel(theirs)

    assert lapse(claim()).lapses == 1


@pytest.mark.parametrize(
    ("worker", "lapses"),
    [("elsewhere:1", 0), ("machine:2", 1)],
    ids=["the machine is gone", "only the process is gone"],
)
def test_a_lapse_with_the_whole_machine_is_nobodys_fault(alice, worker, lapses):
    job = submit_and_claim(alice)
    say(worker)

    assert lapse(job).lapses == lapses


def test_a_job_that_takes_one_machine_after_the_other_away_is_stopped(alice):
    say("elsewhere:1")
    submit(alice)
    for _ in range(leases.MOST_MACHINES_GONE + settings.MAX_ATTEMPTS - 1):
        lapse(claim())
    assert Job.objects.get().status == Status.QUEUED

    lapse(claim())

    job = Job.objects.get()
    assert (job.status, job.error_code, job.lapses) == (Status.FAILED, "lost", 3)
    assert notes(job)[: leases.MOST_MACHINES_GONE + 1] == [
        *[leases.MACHINE_GONE] * leases.MOST_MACHINES_GONE,
        leases.LAPSED,
    ]


def test_jobs_are_reaped_while_valkey_is_away(alice, monkeypatch):
    def fail():
        raise redis.ConnectionError("away")

    monkeypatch.setattr(heartbeats, "alive", fail)

    assert lapse(submit_and_claim(alice)).status == Status.QUEUED


@pytest.mark.parametrize(
    ("name", "machine"), [("machine:1", "machine"), ("a:b:7", "a:b"), ("", "")]
)
def test_a_workers_machine_is_in_its_name(name, machine):
    assert heartbeats.machine_of(name) == machine
