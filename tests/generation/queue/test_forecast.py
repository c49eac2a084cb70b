from datetime import timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from billing.models import Subscription
from generation import jobs
from generation.engine.checkpoints import catalogue
from generation.models import Job, Status
from generation.queue import fair_queue
from generation.queue import forecast as queue_forecast
from generation.queue.wait_reason import WaitReason
from tests import factories
from tests.billing.books import fund
from tests.generation.carrying import claim, pause_after, submit, submit_and_claim
from tests.generation.workers import say

pytestmark = pytest.mark.django_db


@pytest.fixture
def every_checkpoint(monkeypatch):
    monkeypatch.setattr(catalogue, "is_present", lambda *_, **__: True)
    monkeypatch.setattr(catalogue, "problem_with", lambda *_, **__: "")


def submit_cold(user):
    return submit(user, checkpoint="sd-1.5", width=512, height=512)


def let_wait(job, *, seconds):
    Job.objects.filter(pk=job.pk).update(queued_at=timezone.now() - timedelta(seconds=seconds))


def reasons():
    return {each.job: each.reason for each in queue_forecast.look().waiting}


def test_an_empty_line_is_empty():
    found = queue_forecast.look()

    assert (found.depth, found.longest_wait, found.waiting, found.workers) == (
        0,
        timedelta(0),
        (),
        (),
    )


def test_depth_and_longest_wait_are_of_all(alice, monkeypatch):
    monkeypatch.setattr(queue_forecast, "SHOWN", 2)
    waiting = [submit(alice) for _ in range(3)]
    let_wait(waiting[2], seconds=90)

    found = queue_forecast.look()

    assert found.depth == 3
    assert [each.job for each in found.waiting] == waiting[:2]
    assert found.longest_wait >= timedelta(seconds=90)


def test_a_paused_job_has_not_waited_while_it_ran(alice):
    pause_after(submit_and_claim(alice), waited=40, ran=300)

    found = queue_forecast.look()

    (waiting,) = found.waiting
    assert timedelta(seconds=40) <= waiting.waited < timedelta(seconds=300)
    assert timedelta(seconds=40) <= found.longest_wait < timedelta(seconds=300)


def test_each_attempt_counts_as_none_of_the_wait(alice):
    job = submit_and_claim(alice)
    jobs.hand_back(job)
    again = claim()
    jobs.hand_back(again)
    began = timezone.now() - timedelta(seconds=1_000)
    for number, move in enumerate(job.transitions.order_by("id")):
        # In line for 100 seconds, out for 200, and both once more.
        after = timedelta(seconds=(0, 100, 300, 400, 600)[number])
        job.transitions.filter(pk=move.pk).update(at=began + after)
    Job.objects.update(queued_at=began)

    (waiting,) = queue_forecast.look().waiting

    assert timedelta(seconds=600) <= waiting.waited < timedelta(seconds=700)


def test_a_job_whose_transitions_are_gone_has_waited_since_it_was_queued(alice):
    job = submit_and_claim(alice)
    pause_after(job, waited=40, ran=300)
    job.transitions.all().delete()

    found = queue_forecast.look()

    assert found.longest_wait >= timedelta(seconds=340)
    assert found.waiting[0].waited >= timedelta(seconds=340)


def test_the_forecast_takes_as_many_queries_for_many_jobs(alice, django_assert_num_queries):
    for _ in range(3):
        submit(alice)
    pause_after(claim(), waited=40, ran=300)

    with django_assert_num_queries(3):
        queue_forecast.look()


def test_without_a_worker_everybody_waits_for_one(alice):
    job = submit(alice)

    assert reasons() == {job: WaitReason.NO_WORKER}


def test_a_worker_that_stops_is_none(alice):
    say(is_stopping=True)
    job = submit(alice)

    assert reasons() == {job: WaitReason.NO_WORKER}


def test_a_free_slot_is_for_the_first(alice, bob):
    say(slots=1)
    first, second = submit(alice), submit(bob)

    assert reasons() == {first: WaitReason.NEXT, second: WaitReason.IN_LINE}


def test_who_runs_as_many_as_the_plan_allows_waits_for_those(alice):
    say(slots=10)
    running = [submit(alice) for _ in range(2)]
    for _ in running:
        claim()
    job = submit(alice)

    (waiting,) = queue_forecast.look().waiting

    assert (waiting.job, waiting.reason, waiting.beside) == (job, WaitReason.OWN_LIMIT, 2)


def test_who_has_none_running_waits_for_the_own_jobs_ahead(charlie):
    say(slots=10)
    first, second = submit(charlie), submit(charlie)

    assert reasons() == {first: WaitReason.NEXT, second: WaitReason.OWN_LIMIT}


@pytest.mark.usefixtures("every_checkpoint")
def test_a_cold_job_is_passed_over_for_a_while(alice, bob):
    say(slots=1, running=[Job()])
    cold, warm = submit_cold(alice), submit(bob)

    assert [each.job for each in queue_forecast.look().waiting] == [warm, cold]
    assert reasons()[cold] == WaitReason.COLD

    let_wait(cold, seconds=fair_queue.PATIENCE.total_seconds() + 1)

    assert [each.job for each in queue_forecast.look().waiting] == [cold, warm]
    assert reasons()[cold] == WaitReason.IN_LINE


@pytest.mark.usefixtures("every_checkpoint")
def test_a_cold_job_that_nobody_passes_is_just_next(alice):
    say(slots=1)
    cold = submit_cold(alice)

    assert reasons() == {cold: WaitReason.NEXT}


@pytest.mark.usefixtures("every_checkpoint")
@pytest.mark.parametrize("seed", range(4))
def test_the_order_is_that_in_which_a_worker_claims(seed, db):
    plans = ("basic", "standard", "premium")
    users = [factories.make_user(f"user{n}@example.com") for n in range(5)]
    for n, user in enumerate(users):
        factories.subscribe(user)
        Subscription.objects.filter(user=user).update(plan=plans[n % 3])
        fund(user, 10**9)
    made = [
        (submit_cold if (n * 7 + seed) % 3 == 0 else submit)(users[(n * n + seed) % 5])
        for n in range(25)
    ]
    for job in made[::6]:
        let_wait(job, seconds=60)
    say(slots=100)
    forecast = [each.job for each in queue_forecast.look().waiting]

    claimed = []
    while job := jobs.claim(worker="machine:1", warm={"sketchbook"}):
        claimed.append(job)

    assert claimed == forecast[: len(claimed)]
    left = forecast[len(claimed) :]
    assert all(a.rank <= b.rank for a, b in pairwise(left))
    assert len(forecast) == 25


def test_a_suspect_waits_for_an_idle_worker(alice):
    job = submit(alice)
    Job.objects.filter(pk=job.pk).update(lapses=1)
    say(slots=2, running=[Job()])
    assert reasons() == {job: WaitReason.ALONE}

    say("machine:2")

    assert reasons() == {job: WaitReason.NEXT}


def test_workers_are_shown_with_what_they_run(alice):
    submit(alice)
    job = claim()
    say("machine:1", running=[job])
    say("machine:2")

    busy, idle = queue_forecast.look().workers

    assert (busy.name, [each.job for each in busy.jobs]) == ("machine:1", [job])
    assert (busy.jobs[0].reported.step, busy.jobs[0].reported.steps) == (7, 20)
    assert (idle.name, idle.jobs) == ("machine:2", ())


def test_a_worker_that_has_jobs_but_says_nothing_is_shown(alice):
    submit(alice)
    job = claim()

    (worker,) = queue_forecast.look().workers

    assert (worker.name, worker.heartbeat) == ("machine:1", None)
    assert (worker.jobs[0].job, worker.jobs[0].reported) == (job, None)
    assert queue_forecast.look().num_alive == 0


def test_sums_are_of_all_workers(alice):
    submit(alice)
    say("machine:1", slots=2, running=[claim()])
    say("machine:2", slots=3)

    found = queue_forecast.look()

    assert (found.num_alive, found.running, found.slots) == (2, 1, 5)


def test_what_has_ended_is_not_in_line(alice):
    job = submit(alice)
    jobs.cancel(job)

    assert queue_forecast.look().depth == 0
    assert Job.objects.get().status == Status.CANCELED
