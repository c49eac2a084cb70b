import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import MappingProxyType

import pytest
import redis
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from billing import ledger, plans
from billing.models import Entry, Hold, Subscription, Unit, Wallet
from generation import jobs, tasks
from generation.engine.checkpoints import catalogue
from generation.images import storage
from generation.jobs import saved_runs
from generation.jobs.saved_runs import SavedState
from generation.live import messages as live_messages
from generation.models import FINAL, MOVES, UNFINISHED, Image, Job, Pause, Status, Transition
from generation.queue import fair_queue
from tests.billing.books import balance
from tests.generation.books import assert_books_balance
from tests.generation.carrying import (
    CHARGED_MS,
    CHARGES,
    PICTURE,
    claim,
    finish,
    let_lapse,
    submit,
    submit_and_claim,
)
from tests.generation.rows import make_request

pytestmark = pytest.mark.django_db


def bells():
    """The number of unanswered bells."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        messages = client.lrange("celery", 0, -1)
    return sum(json.loads(each)["headers"]["task"] == tasks.work.name for each in messages)


def story(job):
    """The transitions of a job, in order."""
    return [str(move) for move in job.transitions.all()]


def written():
    """All rows that a job can create or change."""
    rows = [
        list(model.objects.order_by("pk").values())
        for model in (Job, Transition, Image, Hold, Entry)
    ]
    return [*rows, list(Wallet.objects.values())]


# Submit -----------------------------------------------------------------------------------------


def test_submit_holds_the_ceiling_and_puts_the_job_in_line(alice):
    before = balance(alice)

    job = submit(alice)

    job.refresh_from_db()
    assert job.status == Status.QUEUED
    assert job.generation_request == make_request(num_inference_steps=100)
    assert job.hold_ms >= job.quote_ms > 0
    assert balance(alice) == before - job.hold_ms
    assert story(job) == ["new -> queued"]
    assert_books_balance()


def test_submit_takes_the_plans_limits_with_it(alice):
    Subscription.objects.filter(user=alice).update(plan="standard")

    job = submit(alice)

    assert (job.queue_weight, job.jobs_at_once) == (2, 4)


def test_nobody_is_told_of_a_job_before_it_is_there(alice, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as told:
        job = submit(alice)
    assert bells() == 0

    for tell in told:
        tell()

    assert bells() == 1
    assert Job.objects.queued().get() == job


@pytest.mark.parametrize("fails_at", ["place", "bell"])
def test_a_job_that_cannot_be_written_holds_nothing(alice, monkeypatch, fails_at):
    def fail(*args, **kwargs):
        raise RuntimeError("broken")

    target, name = {"place": (fair_queue, "place"), "bell": (transaction, "on_commit")}[fails_at]
    monkeypatch.setattr(target, name, fail)
    before = written()

    with pytest.raises(RuntimeError, match="broken"):
        submit(alice)

    assert written() == before


def refuse_for_balance(alice, monkeypatch):
    spare = balance(alice) - 10
    ledger.hold(alice, unit=Unit.GPU_MS, amount=spare, reference="spent elsewhere")
    return make_request(), ledger.InsufficientBalance


def refuse_for_size(alice, monkeypatch):
    small = {"basic": replace(plans.PLANS["basic"], max_pixels=64 * 64)}
    monkeypatch.setattr(plans, "PLANS", MappingProxyType(small))
    return make_request(width=96), jobs.OverPlanLimit


def refuse_for_the_line(alice, monkeypatch):
    for _ in range(plans.PLANS["basic"].jobs_at_once * jobs.WAITING_FOR_EACH_RUNNING):
        submit(alice)
    return make_request(), jobs.TooManyJobs


def refuse_for_the_weights(alice, monkeypatch):
    return make_request(checkpoint="sd-1.5", width=512, height=512), jobs.CheckpointUnavailable


def refuse_for_damage(alice, monkeypatch):
    monkeypatch.setattr(catalogue, "problem_with", lambda *_, **__: "The unet is cut off.")
    return make_request(), jobs.CheckpointUnavailable


@pytest.mark.parametrize(
    "refuse",
    [
        refuse_for_balance,
        refuse_for_size,
        refuse_for_the_line,
        refuse_for_the_weights,
        refuse_for_damage,
    ],
    ids=lambda function: function.__name__,
)
def test_a_refusal_says_why_and_writes_nothing(
    alice, monkeypatch, django_capture_on_commit_callbacks, refuse
):
    request, refusal = refuse(alice, monkeypatch)
    before = written()

    with django_capture_on_commit_callbacks() as told, pytest.raises(refusal) as raised:
        jobs.submit(alice, request)

    assert str(raised.value)
    assert written() == before
    assert told == []


def test_what_just_fits_is_not_refused(alice, monkeypatch):
    refuse_for_size(alice, monkeypatch)
    hold_ms = submit(alice, width=64).hold_ms
    spare = balance(alice) - hold_ms
    ledger.hold(alice, unit=Unit.GPU_MS, amount=spare, reference="spent elsewhere")

    submit(alice, width=64)

    assert balance(alice) == 0


def test_jobs_that_run_take_no_room_in_line(charlie):
    for _ in range(jobs.WAITING_FOR_EACH_RUNNING):
        submit(charlie)
    claim()

    submit(charlie)

    with pytest.raises(jobs.TooManyJobs):
        submit(charlie)


# Claim and renew --------------------------------------------------------------------------------


def test_claim_takes_the_next_job_under_a_lease(alice):
    submit(alice)
    now = timezone.now()

    job = jobs.claim(worker="machine:1")

    row = Job.objects.get()
    assert job == row
    assert (job.status, job.attempt, job.worker) == (Status.RUNNING, 1, "machine:1")
    assert (row.status, row.attempt, row.worker) == (Status.RUNNING, 1, "machine:1")
    lease = timedelta(seconds=settings.LEASE_SECONDS)
    assert now + lease <= row.lease_expires_at <= timezone.now() + lease
    assert now <= row.started_at <= timezone.now()
    assert story(job)[1:] == ["queued -> running"]


def test_an_empty_line_has_nothing_to_claim(alice):
    submit_and_claim(alice)

    assert jobs.claim(worker="machine:1") is None


def test_renewing_prolongs_the_lease(alice):
    job = submit_and_claim(alice)
    let_lapse(job)

    assert jobs.renew(job)

    assert Job.objects.get().lease_expires_at > timezone.now()


def test_a_lease_of_an_earlier_attempt_is_not_renewed(alice):
    job = submit_and_claim(alice)
    let_lapse(job)
    jobs.reap()
    assert not jobs.renew(job)
    second = claim()
    let_lapse(second)

    assert not jobs.renew(job)

    assert Job.objects.get().lease_expires_at < timezone.now()


@pytest.mark.parametrize("end", ["finish", "fail", "stop"])
def test_a_job_that_ended_has_no_lease_to_renew(alice, end):
    job = submit_and_claim(alice)
    SETTLEMENTS[end](job)

    assert not jobs.renew(job)

    assert Job.objects.get().lease_expires_at is None


# Finish, fail and stop --------------------------------------------------------------------------


def fail(job):
    jobs.fail(job, code="nan", message="No usable picture.", charges=CHARGES)


def stop(job):
    jobs.stop(job, CHARGES)


SETTLEMENTS = {"finish": finish, "fail": fail, "stop": stop, "hand_back": jobs.hand_back}
ENDS = {"finish": Status.SUCCEEDED, "fail": Status.FAILED, "stop": Status.CANCELED}


def test_finish_keeps_the_pictures_and_charges_what_was_measured(alice):
    before = balance(alice)
    job = submit_and_claim(alice)

    jobs.finish(job, [PICTURE, replace(PICTURE, index=1)], CHARGES, queue=12)

    job.refresh_from_db()
    assert job.status == Status.SUCCEEDED
    assert job.charged_ms == CHARGED_MS
    assert job.lease_expires_at is None
    assert balance(alice) == before - CHARGED_MS
    assert [image.index for image in job.images.order_by("index")] == [0, 1]
    assert {image.user for image in job.images.all()} == {alice}
    assert story(job)[2:] == ["running -> succeeded"]
    assert_books_balance()


@pytest.mark.parametrize("end", ["finish", "stop"])
def test_the_receipt_adds_up_to_the_charge_and_the_entries(alice, end):
    job = submit_and_claim(alice)

    SETTLEMENTS[end](job)

    job.refresh_from_db()
    billed = sum(line.ms for line in job.parsed_receipt.lines if line.billed)
    spent = Entry.objects.filter(hold__reference=job.hold_reference)
    assert job.charged_ms == billed == -sum(entry.amount for entry in spent) == CHARGED_MS


@pytest.mark.parametrize("end", ["finish", "stop"])
def test_the_house_pays_what_exceeds_the_hold(alice, end):
    before = balance(alice)
    jobs.submit(alice, make_request(num_inference_steps=2))
    job = claim()
    hold_ms = job.hold_ms
    assert hold_ms < CHARGED_MS

    SETTLEMENTS[end](job)

    job.refresh_from_db()
    assert job.charged_ms == job.parsed_receipt.charged_ms == hold_ms
    assert balance(alice) == before - hold_ms
    assert_books_balance()


def test_a_settlement_that_was_rolled_back_can_be_tried_again(alice):
    before = written()
    job = submit_and_claim(alice)
    claimed = written()

    with pytest.raises(IntegrityError):
        jobs.finish(job, [PICTURE, PICTURE], CHARGES)
    assert written() == claimed != before
    finish(job)

    assert Job.objects.get().status == Status.SUCCEEDED
    assert Image.objects.count() == 1
    assert_books_balance()


def test_a_job_that_fails_costs_nothing_and_says_why(alice):
    before = balance(alice)
    job = submit_and_claim(alice)

    jobs.fail(job, code="nan", message="No usable picture.", charges=CHARGES)

    job.refresh_from_db()
    assert (job.status, job.error_code, job.error) == (Status.FAILED, "nan", "No usable picture.")
    assert job.charged_ms == job.parsed_receipt.charged_ms == 0
    assert job.parsed_receipt.steps
    assert balance(alice) == before
    assert_books_balance()


def test_a_job_that_is_stopped_costs_what_ran(alice):
    before = balance(alice)
    job = submit_and_claim(alice)

    stop(job)

    job.refresh_from_db()
    assert job.status == Status.CANCELED
    assert balance(alice) == before - CHARGED_MS
    assert_books_balance()


# Stale attempts ---------------------------------------------------------------------------------


def put_back_in_line(job):
    let_lapse(job)
    assert jobs.reap() == 1


def let_another_run_it(job):
    put_back_in_line(job)
    assert claim().attempt == job.attempt + 1


def let_another_finish_it(job):
    put_back_in_line(job)
    finish(claim())


def cancel_it(job):
    jobs.cancel(job)
    put_back_in_line(job)


@pytest.mark.parametrize("attempt", SETTLEMENTS)
@pytest.mark.parametrize(
    "meanwhile",
    [put_back_in_line, let_another_run_it, let_another_finish_it, cancel_it, finish, fail, stop],
    ids=lambda function: function.__name__,
)
def test_a_stale_attempt_loses_and_changes_nothing(alice, meanwhile, attempt):
    job = submit_and_claim(alice)
    stale = Job.objects.get()
    meanwhile(job)
    before = written()

    with pytest.raises(jobs.LostRace):
        SETTLEMENTS[attempt](stale)

    assert written() == before
    assert_books_balance()


@pytest.mark.parametrize("attempt", ENDS)
def test_the_attempt_that_holds_the_lease_wins(alice, attempt):
    job = submit_and_claim(alice)
    put_back_in_line(job)

    SETTLEMENTS[attempt](claim())

    assert Job.objects.get().status == ENDS[attempt]
    assert_books_balance()


def test_a_lease_that_lapsed_unnoticed_still_counts(alice):
    job = submit_and_claim(alice)
    let_lapse(job)

    finish(job)

    assert jobs.reap() == 0
    assert Job.objects.get().status == Status.SUCCEEDED


def test_every_move_is_in_the_table():
    for was in Status:
        for became in MOVES[was]:
            assert was in UNFINISHED and became != was
    assert all(MOVES[status] == () for status in FINAL)


# Cancel -----------------------------------------------------------------------------------------


def test_canceling_a_waiting_job_ends_it_and_gives_the_hold_back(alice):
    before = balance(alice)
    job = submit(alice)

    jobs.cancel(job)

    job.refresh_from_db()
    assert job.status == Status.CANCELED
    assert job.charged_ms == job.parsed_receipt.charged_ms == 0
    assert job.finished_at is not None
    assert balance(alice) == before
    assert jobs.claim(worker="machine:1") is None
    assert story(job) == ["new -> queued", "queued -> canceled"]
    assert_books_balance()


def test_canceling_a_running_job_asks_its_worker_to_stop(alice):
    job = submit_and_claim(alice)
    held = balance(alice)

    jobs.cancel(job)

    job.refresh_from_db()
    assert (job.status, job.cancel_requested) == (Status.RUNNING, True)
    assert balance(alice) == held


@pytest.mark.parametrize("end", ENDS)
def test_canceling_a_job_that_ended_changes_nothing(alice, end):
    job = submit_and_claim(alice)
    SETTLEMENTS[end](job)
    before = written()

    jobs.cancel(job)

    assert written() == before


def test_canceling_twice_cancels_once(alice):
    waiting = submit(alice)
    jobs.cancel(waiting)
    running = submit_and_claim(alice)
    jobs.cancel(running)
    before = written()

    jobs.cancel(waiting)
    jobs.cancel(running)

    assert written() == before
    assert_books_balance()


# Hand back --------------------------------------------------------------------------------------


def test_a_job_that_is_handed_back_is_in_line_at_its_old_place(alice, bob):
    job = submit_and_claim(alice)
    submit(bob)
    held = balance(alice)

    jobs.hand_back(job)

    row = Job.objects.get(pk=job.pk)
    assert (row.status, row.worker, row.lease_expires_at) == (Status.QUEUED, "", None)
    assert (row.rank, row.rank_end, row.lapses) == (job.rank, job.rank_end, 0)
    assert balance(alice) == held
    again = claim()
    assert (again, again.attempt) == (job, 2)
    finish(again)
    assert_books_balance()


def test_what_was_handed_back_is_rung_for(alice, django_capture_on_commit_callbacks):
    job = submit_and_claim(alice)

    with django_capture_on_commit_callbacks(execute=True):
        jobs.hand_back(job)

    assert bells() == 1


def test_a_canceled_job_that_is_handed_back_ends_free_of_charge(alice):
    before = balance(alice)
    job = submit_and_claim(alice)
    jobs.cancel(job)

    jobs.hand_back(job)

    assert Job.objects.get().status == Status.CANCELED
    assert balance(alice) == before
    assert_books_balance()


def test_a_job_may_be_handed_back_more_often_than_it_may_lose_its_worker(alice):
    submit(alice)
    for _ in range(settings.MAX_ATTEMPTS + 1):
        jobs.hand_back(claim())

    assert Job.objects.get().status == Status.QUEUED


# Reap -------------------------------------------------------------------------------------------


def test_a_job_whose_lease_lapsed_is_in_line_again(alice):
    job = submit_and_claim(alice)
    let_lapse(job)

    assert jobs.reap() == 1

    row = Job.objects.get()
    assert (row.status, row.lapses, row.lease_expires_at) == (Status.QUEUED, 1, None)
    assert claim().attempt == 2
    assert_books_balance()


def test_a_job_under_a_lease_is_left_alone(alice):
    submit_and_claim(alice)
    before = written()

    assert jobs.reap() == 0

    assert written() == before


def test_a_job_that_lost_its_worker_three_times_fails_and_costs_nothing(alice, bob):
    before = balance(alice)
    job = submit(alice)
    for _ in range(settings.MAX_ATTEMPTS):
        let_lapse(claim())
        jobs.reap()
    behind = submit(bob)

    job.refresh_from_db()
    assert (job.status, job.error_code, job.lapses) == (Status.FAILED, "lost", 3)
    assert job.charged_ms == 0
    assert balance(alice) == before
    assert claim() == behind
    assert_books_balance()


def test_a_canceled_job_whose_worker_died_ends_free_of_charge(alice):
    before = balance(alice)
    job = submit_and_claim(alice)
    jobs.cancel(job)
    let_lapse(job)

    assert jobs.reap() == 1

    job.refresh_from_db()
    assert (job.status, job.error_code) == (Status.CANCELED, "")
    assert balance(alice) == before
    assert_books_balance()


def let_lapse_after_progress(job, *, step=3, began=0):
    saved_runs.keep(job, SavedState(step=step, began=began, content=b"state"))
    let_lapse(job)
    assert jobs.reap() == 1


def test_a_lapse_after_progress_is_not_blamed_on_the_job(alice):
    job = submit_and_claim(alice)

    let_lapse_after_progress(job)

    row = Job.objects.get()
    assert (row.status, row.lapses) == (Status.QUEUED, 0)
    assert (row.paused_step, row.paused_for) == (3, Pause.WORKER_LOST)
    assert job.transitions.last().note == "lease lapsed after progress"


def test_a_lapse_without_progress_is_blamed_and_starts_over(alice):
    let_lapse_after_progress(submit_and_claim(alice))

    let_lapse_after_progress(claim(), step=3, began=3)

    row = Job.objects.get()
    assert (row.lapses, row.paused_step, row.paused_for) == (1, 0, "")


def test_a_suspect_is_blamed_for_each_lapse(alice):
    let_lapse_after_progress(submit_and_claim(alice), step=3, began=3)

    for _ in range(settings.MAX_ATTEMPTS - 1):
        let_lapse_after_progress(claim(), step=9)

    assert Job.objects.get().error_code == "lost"


def test_a_job_that_lapses_after_progress_again_and_again_is_blamed(alice):
    submit(alice)
    for step in range(1, 4):
        assert Job.objects.get().lapses == 0
        let_lapse_after_progress(claim(), step=step, began=step - 1)

    assert Job.objects.get().lapses == 1


def test_a_job_whose_worker_was_told_to_end_goes_on_from_its_state(alice):
    job = submit_and_claim(alice)
    jobs.excuse(worker=job.worker)

    let_lapse_after_progress(job)

    row = Job.objects.get()
    assert (row.lapses, row.paused_step, row.paused_for) == (0, 3, Pause.WORKER_ENDED)


@pytest.mark.parametrize("verb", ["reap", "hand_back"])
def test_what_a_lost_attempt_stored_is_swept_up(alice, monkeypatch, verb):
    job = submit_and_claim(alice)
    swept = []
    monkeypatch.setattr(storage, "discard", lambda job: swept.append((job.pk, job.attempt)))

    if verb == "reap":
        put_back_in_line(job)
    else:
        jobs.hand_back(job)

    assert swept == [(job.pk, 1)]


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_has_locked_does_not_stop_the_others(alice, bob):
    first, second = submit_and_claim(alice), submit_and_claim(bob)
    let_lapse(first, second)
    locked, done = threading.Event(), threading.Event()

    def settle_for_long():
        try:
            with transaction.atomic():
                Job.objects.select_for_update().get(pk=first.pk)
                locked.set()
                done.wait(120)
        finally:
            connection.close()

    thread = threading.Thread(target=settle_for_long)
    thread.start()
    assert locked.wait(120)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
        try:
            reaped = jobs.reap()
        finally:
            cursor.execute("RESET lock_timeout")
            done.set()
            thread.join()

    assert reaped == 1
    assert Job.objects.queued().get() == second
    assert jobs.reap() == 1


# Bells ------------------------------------------------------------------------------------------


def test_the_reaper_rings_for_all_that_waits_as_far_as_a_worker_has_use_for_it(alice, settings):
    settings.WORKER_SLOTS = 3
    submit(alice)

    tasks.reap()
    assert bells() == 1
    for _ in range(4):
        submit(alice)
    tasks.reap()

    assert bells() == 1 + 3


def test_the_reaper_does_not_ring_for_an_empty_line(alice):
    submit_and_claim(alice)

    tasks.reap()

    assert bells() == 0


@pytest.mark.django_db(transaction=True)
def test_a_hint_that_cannot_be_given_undoes_nothing(alice, monkeypatch):
    def fail(*args):
        raise RuntimeError("broken")

    monkeypatch.setattr(live_messages, "job_status", fail)

    job = submit(alice)
    finish(claim())

    job.refresh_from_db()
    assert job.status == Status.SUCCEEDED
    assert bells() == 1


# Races ------------------------------------------------------------------------------------------


def together(*calls):
    """The results of parallel calls, or their exceptions, in order."""
    start = threading.Barrier(len(calls))

    def run(call):
        start.wait()
        try:
            return call()
        except jobs.LostRace as lost:
            return lost
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_canceled_while_it_is_claimed_ends_one_way(alice):
    for _ in range(10):
        job = submit(alice)

        claimed, _canceled = together(partial(jobs.claim, worker="1"), partial(jobs.cancel, job))

        job.refresh_from_db()
        if claimed is None:
            assert job.status == Status.CANCELED
        else:
            assert (job.status, job.cancel_requested) == (Status.RUNNING, True)
            stop(claimed)
    assert_books_balance()


@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_reaped_while_it_finishes_ends_once(alice):
    for _ in range(10):
        job = submit_and_claim(alice)
        let_lapse(job)

        finished, reaped = together(partial(finish, job), jobs.reap)

        assert isinstance(finished, jobs.LostRace) == bool(reaped)
        if reaped:
            finish(claim())
    assert Image.objects.count() == 10
    assert_books_balance()


@pytest.mark.django_db(transaction=True)
def test_two_attempts_that_finish_at_once_charge_once(alice):
    for _ in range(10):
        job = submit_and_claim(alice)
        before = balance(alice) + job.hold_ms

        results = together(*[partial(finish, job)] * 2)

        assert sorted(isinstance(result, jobs.LostRace) for result in results) == [False, True]
        assert balance(alice) == before - CHARGED_MS
    assert_books_balance()
