from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction
from django.utils import timezone

from billing.models import Subscription
from generation import jobs
from generation.models import Job, Status
from generation.queue import fair_queue
from tests.generation.carrying import claim, finish, submit
from tests.generation.installed import put
from tests.generation.rows import make_request

pytestmark = pytest.mark.django_db


def put_on(plan, user):
    Subscription.objects.filter(user=user).update(plan=plan)


def submit_many(user, count, **values):
    return [submit(user, **values) for _ in range(count)]


def serve(count=None):
    """Run jobs one after another; returns their owners."""
    served = []
    while len(served) != count and (job := jobs.claim(worker="machine:1")):
        finish(job)
        served.append(job.user)
    return served


def install(monkeypatch, settings, folder, name):
    """A checkpoint that can be requested but not loaded."""
    settings.CHECKPOINTS_DIR = folder
    put(folder, name)


# Shares -----------------------------------------------------------------------------------------


def test_the_first_who_came_is_the_first_who_goes(alice):
    jobs_of_alice = submit_many(alice, 3)

    order = []
    while job := jobs.claim(worker="machine:1"):
        order.append(job)
        finish(job)

    assert order == jobs_of_alice


@pytest.mark.parametrize("bobs", [2, 5])
def test_two_users_take_turns_however_many_jobs_each_has(alice, bob, bobs):
    submit_many(alice, 10)
    submit_many(bob, bobs)

    served = serve()

    assert served[: 2 * bobs] == [alice, bob] * bobs
    assert served[2 * bobs :] == [alice] * (10 - bobs)


def test_a_weight_of_two_gets_twice_as_much(alice, bob):
    put_on("standard", alice)
    submit_many(alice, 12)
    submit_many(bob, 12)

    served = Counter(serve(12))

    assert served == {alice: 8, bob: 4}


def test_what_costs_twice_as_much_comes_half_as_often(alice, bob):
    submit_many(alice, 10, num_images=2)
    submit_many(bob, 10)

    served = Counter(serve(12))

    assert served == {alice: 4, bob: 8}


def test_a_newcomer_waits_for_one_job_at_most(alice, bob):
    submit_many(alice, 20)
    running = claim()

    submit(bob)
    finish(running)

    assert serve(1) == [bob]


def test_a_newcomer_is_not_favored_for_having_stayed_away(alice, bob):
    submit_many(bob, 10)
    serve(5)

    submit_many(alice, 5)

    assert Counter(serve(4)) == {alice: 2, bob: 2}


def test_who_asks_again_and_again_does_not_pass_those_who_wait(alice, bob, charlie):
    submit_many(charlie, 4)
    submit(alice)
    submit(bob)

    served = []
    for _ in range(12):
        # Alice and Bob never have more than one job in line, and always one.
        (user,) = serve(1)
        served.append(user)
        if user != charlie:
            submit(user)

    assert Counter(served) == {alice: 4, bob: 4, charlie: 4}


def test_what_was_canceled_in_line_does_not_count(alice, bob):
    submit_many(bob, 5)
    running = claim()
    for job in submit_many(alice, 10):
        jobs.cancel(job)

    submit(alice)
    finish(running)

    assert serve(1) == [alice]


def test_the_clock_goes_on_where_it_stood_when_nobody_was_in_line(alice, bob):
    submit_many(alice, 3)
    serve()
    before = Job.objects.order_by("rank_end").last().rank_end

    submit(bob)

    assert Job.objects.queued().get().rank == before


# Jobs at once -----------------------------------------------------------------------------------


def test_a_users_jobs_run_beside_each_other_as_far_as_the_plan_goes(alice):
    submit_many(alice, 3)
    first, _second = claim(), claim()
    assert jobs.claim(worker="machine:2") is None

    finish(first)

    assert jobs.claim(worker="machine:2") is not None


def test_who_is_at_the_limit_holds_nobody_up(charlie, bob):
    submit_many(charlie, 5)
    claim()
    submit_many(bob, 2)

    assert [claim().user, claim().user] == [bob, bob]


@pytest.mark.django_db(transaction=True)
def test_claims_at_the_same_moment_neither_share_a_job_nor_exceed_the_limit(alice, bob):
    put_on("standard", bob)
    submit_many(alice, 8)
    submit_many(bob, 8)

    def claim_in_thread(number):
        try:
            return jobs.claim(worker=f"machine:{number}")
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        claimed = [job for job in pool.map(claim_in_thread, range(24)) if job]

    assert len(set(claimed)) == len(claimed)
    assert Counter(job.user for job in claimed) == {alice: 2, bob: 4}


@pytest.mark.django_db(transaction=True)
def test_a_job_that_somebody_has_locked_is_passed_over(alice, bob):
    first, second = submit(alice), submit(bob)

    with transaction.atomic():
        Job.objects.select_for_update().get(pk=first.pk)
        with ThreadPoolExecutor(1) as pool:
            claimed = pool.submit(_claim_apart).result()

    assert claimed == second


def _claim_apart():
    try:
        return claim()
    finally:
        connection.close()


# Warm checkpoints -------------------------------------------------------------------------------


@pytest.fixture
def cold(alice, monkeypatch, settings, tmp_path):
    """First in line, for a checkpoint that is not in memory."""
    install(monkeypatch, settings, tmp_path, "sd-1.5")
    return jobs.submit(alice, make_request(checkpoint="sd-1.5", width=512, height=512))


warm_claim = partial(claim, warm={"sketchbook"})


def test_a_checkpoint_in_memory_goes_first_for_a_while(cold, bob):
    warm = submit(bob)

    assert warm_claim() == warm
    assert warm_claim() == cold


def test_nobody_is_passed_over_for_long(cold, bob):
    submit(bob)
    long_ago = timezone.now() - fair_queue.PATIENCE - timedelta(seconds=1)
    Job.objects.filter(pk=cold.pk).update(queued_at=long_ago)

    assert warm_claim() == cold


def test_without_a_warm_checkpoint_the_line_is_as_it_is(cold, bob):
    submit(bob)

    assert claim() == cold


def test_who_is_at_the_limit_is_not_favored_for_a_warm_checkpoint(cold, charlie, bob):
    submit_many(charlie, 2)
    claim(warm={"sketchbook"})

    assert warm_claim() == cold


# Positions --------------------------------------------------------------------------------------


def positions(*jobs_in_line):
    rows = fair_queue.with_position(Job.objects.all())
    return [rows.get(pk=job.pk).position for job in jobs_in_line]


def test_the_position_counts_those_who_go_before(alice, bob):
    first, third, fourth = submit_many(alice, 3)
    second = submit(bob)

    # Both start at the same rank: the earlier goes first, but neither has a job ahead.
    assert positions(first, second) == [1, 1]
    assert positions(third, fourth) == [3, 4]


def test_the_position_does_not_count_those_who_run_or_have_ended(alice):
    _ended, second, third = submit_many(alice, 3)
    finish(claim())
    claim()

    assert Job.objects.get(pk=second.pk).status == Status.RUNNING
    assert positions(third) == [1]


def test_positions_of_many_take_one_query(alice, django_assert_num_queries):
    submit_many(alice, 10)

    with django_assert_num_queries(1):
        list(fair_queue.with_position(Job.objects.queued()))


def test_who_is_behind_sees_the_position_fall(alice, bob):
    submit_many(alice, 2)
    last = submit_many(bob, 2)[-1]
    before = positions(last)

    serve(2)

    assert positions(last) < before


# Relaxed ----------------------------------------------------------------------------------------


def relax(*relaxed, waited=timedelta(0)):
    """Make jobs relaxed, queued this long ago."""
    since = timezone.now() - waited
    Job.objects.filter(pk__in=[job.pk for job in relaxed]).update(is_relaxed=True, queued_at=since)


def test_relaxed_jobs_go_when_nobody_who_pays_waits(alice, bob):
    relax(*submit_many(alice, 2))
    submit_many(bob, 2)

    assert serve() == [bob, bob, alice, alice]


def test_relaxed_jobs_take_turns_among_themselves(alice, bob):
    put_on("standard", alice)
    for user, count in ((alice, 4), (bob, 2)):
        for _ in range(count):
            job = submit(user)
            place = fair_queue.place(user, cost_ms=job.quote_ms, weight=1, is_relaxed=True)
            Job.objects.filter(pk=job.pk).update(
                is_relaxed=True, rank=place.rank, rank_end=place.rank_end
            )

    assert Counter(serve(4)) == {alice: 2, bob: 2}


def test_a_relaxed_job_is_not_starved_for_ever(alice, bob):
    relax(submit(alice), waited=fair_queue.RELAXED_PATIENCE + timedelta(seconds=1))
    submit_many(bob, 3)

    assert serve(1) == [alice]


def test_those_who_waited_for_long_do_not_take_the_line_over(alice, bob):
    put_on("premium", alice)
    put_on("premium", bob)
    Subscription.objects.update(plan="premium")
    relax(*submit_many(alice, 3), waited=fair_queue.RELAXED_PATIENCE + timedelta(seconds=1))
    submit_many(bob, 3)

    running = [claim() for _ in range(3)]

    assert [job.user for job in running] == [alice, bob, bob]


def test_a_warm_relaxed_job_does_not_pass_a_cold_paid_one(
    alice, bob, monkeypatch, settings, tmp_path
):
    relax(submit(alice))
    install(monkeypatch, settings, tmp_path, "sd-1.5")
    submit(bob, checkpoint="sd-1.5", width=512, height=512)

    assert claim(warm=["sketchbook"]).user == bob


def test_the_place_in_line_counts_those_who_pay_before_those_who_do_not(alice, bob):
    relaxed, other = submit(alice), submit(alice)
    relax(relaxed, other)
    paid = submit_many(bob, 2)

    positions = {job: job.position for job in fair_queue.with_position(Job.objects.all())}

    assert [positions[job] for job in (*paid, relaxed, other)] == [1, 2, 3, 4]
