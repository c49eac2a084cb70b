"""Lapsed leases: which jobs are blamed for them, and what runs beside a job that may be to blame."""

import itertools
from datetime import timedelta

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from generation import jobs
from generation.jobs import leases, outages
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


def place(user, **fields):
    """A queued job, whatever the number of its user's other jobs."""
    job = submit(user)
    Job.objects.filter(pk=job.pk).update(jobs_at_once=100, **fields)
    job.refresh_from_db()
    return job


class Fleet:
    """Workers with SLOTS slots and a queue that is never empty."""

    def __init__(self, users, *names):
        self.users = itertools.cycle(users)
        self.running = {name: [] for name in names}
        for name in names:
            say(name, checkpoints=("sketchbook",))

    def claim(self, worker):
        """What the worker claims; there is always something to claim."""
        place(next(self.users))
        mine = self.running[worker]
        job = jobs.claim(worker=worker, running=[job.pk for job in mine])
        if job is not None:
            mine.append(job)
        return job

    def fill(self):
        """Claim in turns until every worker is full or claims nothing."""
        claiming = set(self.running)
        while claiming:
            for worker in sorted(claiming):
                mine = self.running[worker]
                is_full = len(mine) >= SLOTS or any(job.is_suspect for job in mine)
                if is_full or self.claim(worker) is None:
                    claiming.discard(worker)

    def end_oldest(self):
        """End each worker's oldest job."""
        for mine in self.running.values():
            if mine:
                finish(mine.pop(0))


def test_of_a_busy_fleet_one_worker_empties_for_a_suspect_and_the_others_go_on(alice, bob):
    suspect = place(alice, rank=-1, lapses=1)
    fleet = Fleet([alice, bob], "machine:1", "machine:2", "machine:3")
    for worker in fleet.running:
        before = place(bob, rank=-2)
        assert fleet.claim(worker) == before

    claimed = {worker: fleet.claim(worker) for worker in fleet.running}

    assert claimed["machine:1"] is None
    assert claimed["machine:2"] and claimed["machine:3"]
    finish(fleet.running["machine:1"].pop())
    assert fleet.claim("machine:1") == suspect


def test_a_suspect_waits_for_no_more_jobs_than_one_worker_runs(alice, bob):
    fleet = Fleet([alice, bob], "machine:1", "machine:2")
    fleet.fill()
    suspect = place(alice, rank=-1, lapses=1)

    for _ in range(SLOTS):
        assert suspect.pk not in {job.pk for mine in fleet.running.values() for job in mine}
        fleet.end_oldest()
        fleet.fill()

    assert [suspect] in fleet.running.values()
    assert_books_balance()


@pytest.mark.parametrize(
    "changes", [{"checkpoints": ("sd-1.5",)}, {"is_stopping": True}, {"sees_media": False}]
)
def test_a_worker_that_cannot_take_a_suspect_does_not_empty_for_it(alice, bob, changes):
    place(alice, rank=-1, lapses=1)
    fleet = Fleet([alice, bob], "machine:1", "machine:2")
    say("machine:1", **changes)
    for worker in fleet.running:
        before = place(bob, rank=-2)
        assert fleet.claim(worker) == before

    assert fleet.claim("machine:2") is None


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
    for _ in range(leases.MOST_EXCUSES + settings.MAX_ATTEMPTS - 1):
        lapse(claim())
    assert Job.objects.get().status == Status.QUEUED

    lapse(claim())

    job = Job.objects.get()
    assert (job.status, job.error_code, job.lapses) == (Status.FAILED, "lost", 3)
    assert notes(job)[: leases.MOST_EXCUSES + 1] == [
        *[leases.MACHINE_GONE] * leases.MOST_EXCUSES,
        leases.LAPSED,
    ]


# Outages ----------------------------------------------------------------------------------------


def lapse_for(seconds, *jobs_):
    past = timezone.now() - timedelta(seconds=seconds)
    Job.objects.filter(pk__in=[job.pk for job in jobs_]).update(lease_expires_at=past)


@pytest.fixture
def renewals(settings):
    settings.LEASE_RENEWAL_SECONDS = 600
    return settings.LEASE_RENEWAL_SECONDS


def test_a_worker_that_still_runs_its_job_has_time_to_renew_the_lease(alice, renewals):
    job = submit_and_claim(alice)
    say("machine:1", running=[job])
    lapse_for(1, job)

    assert jobs.reap() == 0

    assert jobs.renew(job)


def test_a_worker_that_cannot_renew_for_long_loses_its_job_without_blame(alice, renewals):
    job = submit_and_claim(alice)
    say("machine:1", running=[job])
    lapse_for((outages.RENEWALS + 1) * renewals, job)

    assert jobs.reap() == 1

    job.refresh_from_db()
    assert (job.status, job.lapses, notes(job)[-1]) == (Status.QUEUED, 0, leases.CUT_OFF)


def test_a_worker_of_the_same_name_that_does_not_run_the_job_is_another_one(alice, renewals):
    job = submit_and_claim(alice)
    say("machine:1")
    lapse_for(1, job)

    assert jobs.reap() == 1

    job.refresh_from_db()
    assert job.lapses == 1


def test_workers_that_an_outage_cut_off_together_have_time_to_renew(alice, bob, renewals):
    one, other = submit_and_claim(alice), submit(bob)
    jobs.claim(worker="machine:2")
    lapse_for(1, one)
    lapse_for(1 + renewals, other)

    assert jobs.reap() == 0

    lapse_for((outages.RENEWALS + 1) * renewals, one, other)
    assert jobs.reap() == 2
    one.refresh_from_db()
    assert (one.status, one.lapses) == (Status.QUEUED, 1)


def test_workers_that_died_at_different_times_have_none(alice, bob, renewals):
    one, other = submit_and_claim(alice), submit(bob)
    jobs.claim(worker="machine:2")
    lapse_for(1, one)
    lapse_for(2 + outages.RENEWALS_APART * renewals, other)

    assert jobs.reap() == 2


def test_jobs_of_one_worker_lapse_together_without_an_outage(alice, bob, renewals):
    one, other = submit_and_claim(alice), submit(bob)
    claim_beside(one)
    lapse_for(1, one, other)

    assert jobs.reap() == 2


def test_a_worker_that_was_told_to_end_is_not_waited_for(alice, renewals):
    job = submit_and_claim(alice)
    say("machine:1", running=[job])
    jobs.excuse(worker="machine:1")
    lapse_for(1, job)

    assert jobs.reap() == 1


def test_a_job_whose_worker_is_cut_off_again_and_again_is_stopped(alice):
    submit(alice)
    for _ in range(leases.MOST_EXCUSES + settings.MAX_ATTEMPTS):
        job = claim()
        say("machine:1", running=[job])
        lapse_for(3_600, job)
        assert jobs.reap() == 1

    assert Job.objects.get().status == Status.FAILED


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
