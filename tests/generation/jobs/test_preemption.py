"""Pre-emption: relaxed jobs make room for paid ones, large ones for small ones that wait."""

from datetime import timedelta

import pytest
from django.utils import timezone

from generation import jobs
from generation.jobs import preemption
from generation.models import Job, Pause, Status
from generation.queue import fair_queue
from tests.generation.carrying import claim, submit, submit_and_claim
from tests.generation.rows import make_request

pytestmark = pytest.mark.django_db


def relaxed(job):
    Job.objects.filter(pk=job.pk).update(is_relaxed=True)
    return Job.objects.get(pk=job.pk)


def running_relaxed(user):
    return relaxed(submit_and_claim(user))


def waiting_since(job, **ago):
    Job.objects.filter(pk=job.pk).update(queued_at=timezone.now() - timedelta(**ago))


def submit_small(user):
    return jobs.submit(user, make_request(num_inference_steps=4))


def choose(*running, step=1, reserved=()):
    first = fair_queue.first_waiting(but_not=reserved)
    return first and preemption.choose(first, {job.pk: step for job in running})


def test_a_relaxed_job_makes_room_for_a_paid_one(alice, bob):
    running = running_relaxed(alice)
    waiting = submit(bob)

    chosen = choose(running)

    assert (chosen.out, chosen.wanted, chosen.why) == (running, waiting.pk, Pause.PAID_FIRST)


def test_the_relaxed_job_that_came_last_goes(alice, bob):
    first, last = running_relaxed(alice), running_relaxed(alice)
    Job.objects.filter(pk=last.pk).update(rank=first.rank + 1)
    submit(bob)

    assert choose(first, last).out == last


def test_nobody_makes_room_while_nobody_waits(alice):
    assert choose(running_relaxed(alice)) is None


def test_nobody_makes_room_for_an_equal(alice, bob):
    paid = submit_and_claim(alice)
    submit(bob)
    assert choose(paid) is None


def test_no_relaxed_job_makes_room_for_a_relaxed_one(alice, bob):
    running = running_relaxed(alice)
    relaxed(submit(bob))

    assert choose(running) is None


def test_two_slots_are_not_freed_for_one_job(alice, bob):
    first, second = running_relaxed(alice), running_relaxed(alice)
    waiting = submit(bob)

    assert choose(first, second, reserved=[waiting.pk]) is None


@pytest.mark.parametrize("step", [0, 100])
def test_a_job_without_a_step_or_with_all_of_them_is_not_suspended(alice, bob, step):
    running = running_relaxed(alice)
    submit(bob)

    assert choose(running, step=step) is None


def test_one_that_is_being_canceled_is_not_suspended(alice, bob):
    running = running_relaxed(alice)
    jobs.cancel(running)
    submit(bob)

    assert choose(running) is None


def test_a_suspect_runs_to_its_end_and_nobody_makes_room_for_one(alice, bob):
    running = running_relaxed(alice)
    waiting = submit(bob)
    Job.objects.filter(pk=running.pk).update(lapses=1)
    assert choose(running) is None

    Job.objects.filter(pk=running.pk).update(lapses=0)
    Job.objects.filter(pk=waiting.pk).update(lapses=1)
    assert choose(running) is None
    behind = submit(bob)
    assert choose(running).wanted == behind.pk


def test_a_relaxed_job_that_waited_for_long_keeps_its_slot_beside_paid_ones(alice, bob):
    overdue, other = running_relaxed(alice), running_relaxed(alice)
    waiting_since(overdue, minutes=11)
    waiting_since(other, minutes=11)
    submit(bob)
    assert choose(overdue, other) is not None

    Job.objects.filter(pk=other.pk).update(is_relaxed=False)
    assert choose(overdue, other) is None


def test_a_large_job_makes_room_for_a_small_one_that_has_waited(alice, bob):
    large = submit_and_claim(alice, width=512, height=512)
    small = submit_small(bob)
    assert choose(large) is None

    waiting_since(small, seconds=21)
    chosen = choose(large)

    assert (chosen.out, chosen.wanted, chosen.why) == (large, small.pk, Pause.SMALL_FIRST)


def test_a_large_job_that_goes_on_is_left_alone_for_a_while(alice, bob):
    large = submit_and_claim(alice, width=512, height=512)
    small = submit_small(bob)
    waiting_since(small, seconds=21)
    Job.objects.filter(pk=large.pk).update(paused_step=1)
    assert choose(large, step=2) is None

    Job.objects.filter(pk=large.pk).update(started_at=timezone.now() - timedelta(seconds=21))
    assert choose(large, step=2).out == large


def test_what_is_left_of_a_large_job_counts(alice, bob):
    large = submit_and_claim(alice, width=128, height=128)
    small = submit_small(bob)
    waiting_since(small, seconds=21)

    assert choose(large, step=50).out == large
    assert choose(large, step=99) is None


def test_a_paid_job_makes_no_room_for_a_relaxed_one(alice, bob):
    large = submit_and_claim(alice, width=512, height=512)
    small = relaxed(submit_small(bob))
    waiting_since(small, seconds=21)

    assert choose(large) is None


def test_a_slot_that_was_freed_for_a_job_goes_to_it(alice, bob):
    before = submit(alice)
    wanted = submit(bob)
    Job.objects.filter(pk=before.pk).update(rank=-1)

    assert claim(wanted=wanted.pk) == wanted
    assert claim(wanted=wanted.pk) == before


# Pauses -----------------------------------------------------------------------------------------


def test_a_paused_job_keeps_its_place_and_its_step(alice):
    job = submit_and_claim(alice)

    jobs.pause(job, step=7, why=Pause.PAID_FIRST)

    row = Job.objects.get(pk=job.pk)
    assert (row.status, row.rank, row.lapses) == (Status.QUEUED, job.rank, 0)
    assert row.is_paused
    assert (row.paused_step, row.paused_for, row.steps_made) == (7, Pause.PAID_FIRST, 7)
    again = claim()
    assert (again.attempt, again.paused_step, again.is_paused) == (2, 7, False)


def test_a_job_whose_state_is_gone_is_not_said_to_go_on(alice):
    job = submit_and_claim(alice)
    jobs.pause(job, step=7, why=Pause.PAID_FIRST)
    again = claim()

    jobs.start_over(job)
    assert Job.objects.get(pk=job.pk).paused_step == 7
    jobs.start_over(again)

    assert Job.objects.get(pk=job.pk).paused_step == 0
