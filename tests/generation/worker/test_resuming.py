"""Jobs that leave a worker in mid-run go on from where they were: by another worker, or when their turn comes again."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import PIL.Image
import pytest
from django.core.files.storage import default_storage

from billing import ledger
from billing.models import Subscription, Unit
from generation import jobs
from generation.engine import saved_run
from generation.engine.charges import Charge
from generation.jobs import saved_runs
from generation.jobs.saved_runs import SavedState
from generation.live import messages, snapshot
from generation.models import Job, Pause, Status, Transition
from generation.worker import carrier, outcome
from tests.billing.books import balance
from tests.generation import workers
from tests.generation.books import assert_books_balance
from tests.generation.carrying import let_lapse
from tests.generation.listening import listening
from tests.generation.machine import Machine, wait_for_status
from tests.generation.rows import make_request
from tests.running import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quick")]
STEPS = 12


@pytest.fixture
def new_machine(db):
    """A function that returns a worker of a name. Runs are saved at each step."""
    machines = []

    def make(name, **options):
        machines.append(Machine(name=name, save_interval=0.0, **options))
        return machines[-1]

    yield make
    for machine in machines:
        machine.end()


@pytest.fixture
def undisturbed(alice):
    """The picture's bytes as one worker makes them."""
    machine = Machine(name="undisturbed:1")
    job = submit(alice)
    machine.ring()
    machine.wait_until_idle()
    machine.end()
    return pixels_of(job)


def submit(user, **options):
    return jobs.submit(user, make_request(seed=5, num_inference_steps=STEPS), **options)


def pixels_of(job):
    image = wait_for_status(job, Status.SUCCEEDED).images.get()
    with default_storage.open(image.file) as file, PIL.Image.open(file) as picture:
        return picture.convert("RGB").tobytes()


def start(machine, job, *, held_at):
    machine.hold(at_step=held_at)
    machine.ring()
    machine.wait_until_held()
    wait_for(lambda: saved_runs.progress_of(Job.objects.get(pk=job.pk)) >= held_at)


def billed_steps(job):
    return [line.index for line in job.parsed_receipt.steps]


def test_another_worker_goes_on_where_one_was_lost(alice, new_machine, undisturbed):
    job = submit(alice)
    lost = new_machine("lost:1")
    start(lost, job, held_at=5)

    let_lapse(job)
    assert jobs.reap() == 1
    other = new_machine("other:1")
    other.ring()
    ended = wait_for_status(job, Status.SUCCEEDED)

    assert pixels_of(job) == undisturbed
    assert billed_steps(ended) == list(range(1, STEPS + 1))
    assert (ended.attempt, ended.lapses) == (2, 0)
    assert other.engine.stats.steps == STEPS - 5
    assert_books_balance()


def test_a_worker_that_ends_hands_over_the_run_itself(alice, new_machine, undisturbed):
    job = submit(alice)
    ending = new_machine("ending:1")
    start(ending, job, held_at=5)

    ending.worker.stop(grace=0)
    wait_for(lambda: all(each.paused_for for each in ending.worker.attempts))
    ending.go()
    ending.wait_until_idle()
    paused = wait_for_status(job, Status.QUEUED)
    assert paused.is_paused
    assert paused.paused_for == Pause.WORKER_ENDED
    other = new_machine("other:1")
    other.ring()
    ended = wait_for_status(job, Status.SUCCEEDED)

    assert pixels_of(job) == undisturbed
    assert billed_steps(ended) == list(range(1, STEPS + 1))
    assert other.engine.stats.steps == STEPS - paused.paused_step


def test_a_suspect_starts_over(alice, new_machine, undisturbed):
    job = submit(alice)
    start(new_machine("lost:1"), job, held_at=5)
    Job.objects.filter(pk=job.pk).update(lapses=1)

    let_lapse(job)
    jobs.reap()
    other = new_machine("other:1")
    other.ring()
    wait_for_status(job, Status.SUCCEEDED)

    assert pixels_of(job) == undisturbed
    assert other.engine.stats.steps == STEPS


def test_a_damaged_state_only_costs_the_house(alice, new_machine, undisturbed):
    job = submit(alice)
    start(new_machine("lost:1"), job, held_at=5)
    state = saved_runs.SavedState(step=5, began=0, content=b"damaged")
    saved_runs.keep(Job.objects.get(pk=job.pk), state)

    let_lapse(job)
    jobs.reap()
    new_machine("other:1").ring()
    ended = wait_for_status(job, Status.SUCCEEDED)

    assert pixels_of(job) == undisturbed
    assert billed_steps(ended) == list(range(1, STEPS + 1))
    assert ended.paused_step == 0


def test_the_page_goes_on_from_the_step_that_it_showed(
    alice, new_machine, django_assert_num_queries
):
    job = submit(alice)
    start(new_machine("lost:1"), job, held_at=5)
    billed = snapshot.job_state(job)["billed_ms"]

    let_lapse(job)
    jobs.reap()
    state = snapshot.job_state(job)
    assert (state["status"], state["is_paused"], state["step"]) == ("queued", True, 5)
    assert state["billed_ms"] == billed
    other = new_machine("other:1")
    other.hold(at_step=7)
    with listening(messages.user_group(alice.pk)) as heard:
        other.ring()
        while (message := heard.next().get("message", {})).get("type") != "job.progress":
            pass
    other.wait_until_held()
    state = snapshot.job_state(job)
    (resumed,) = other.worker.attempts
    # The engine's thread asks for it, and waits for no server.
    with django_assert_num_queries(0):
        resumed.progress()
    other.go()

    assert message["step"] == 5
    assert message["billed_ms"] >= billed
    assert state["step"] >= 5
    assert state["continues_elsewhere"]


def spend_all(user):
    ledger.hold(user, unit=Unit.GPU_MS, amount=balance(user), reference="spent")
    ledger.capture("spent", amount=ledger.available_and_held(user, Unit.GPU_MS).held)


# Making room ------------------------------------------------------------------------------------


def test_a_paid_job_starts_while_relaxed_ones_hold_all_slots(alice, bob, new_machine, undisturbed):
    machine = new_machine("machine:1", slots=1)
    relaxed, paid = start_relaxed_and_paid(alice, bob, machine)
    assert relaxed.is_relaxed

    machine.ring()
    # Claimed at once, while the other one is still to leave.
    wait_for_status(paid, Status.RUNNING)
    wait_for(lambda: len(machine.worker.attempts) == 2)
    machine.go()
    machine.wait_until_idle()

    first, last = (wait_for_status(each, Status.SUCCEEDED) for each in (paid, relaxed))
    assert first.finished_at < last.finished_at
    assert first.attempt == 1
    assert (last.attempt, last.paused_for) == (2, Pause.PAID_FIRST)
    assert last.paused_step == 5
    assert pixels_of(relaxed) == pixels_of(paid) == undisturbed
    assert Counter(billed_steps(first)) == Counter(range(1, STEPS + 1))
    assert last.parsed_receipt.charged_ms == 0
    assert_books_balance()


def start_relaxed_and_paid(alice, bob, machine):
    """A relaxed job of Alice that holds the only slot after a step, and a paid one of Bob that waits."""
    spend_all(alice)
    Subscription.objects.filter(user=alice).update(plan="standard")
    relaxed = submit(alice, may_wait=True)
    start(machine, relaxed, held_at=5)
    return relaxed, submit(bob)


def test_a_slot_that_was_given_away_is_not_released_by_a_job_that_breaks(
    alice, bob, new_machine, monkeypatch
):
    machine = new_machine("machine:1", slots=1)
    relaxed, paid = start_relaxed_and_paid(alice, bob, machine)

    def fail(*_arguments):
        raise RuntimeError("stuck")

    monkeypatch.setattr(outcome, "pause", fail)
    monkeypatch.setattr(carrier, "_fail", fail)
    machine.ring()
    wait_for_status(paid, Status.RUNNING)
    machine.go()
    machine.wait_until_idle()

    assert wait_for_status(paid, Status.SUCCEEDED)
    assert wait_for_status(relaxed, Status.RUNNING)
    assert [str(error) for error in machine.errors] == ["stuck"]
    machine.errors.clear()
    assert machine.worker._slots.acquire(blocking=False)
    assert not machine.worker._slots.acquire(blocking=False)
    machine.worker._slots.release()


def test_nobody_makes_room_while_another_worker_is_free(alice, bob, new_machine, monkeypatch):
    bells = []
    machine = new_machine("machine:1", slots=1)
    _relaxed, paid = start_relaxed_and_paid(alice, bob, machine)
    workers.say("other:1")
    monkeypatch.setattr(jobs, "ring", lambda *, passes: bells.append(passes))

    machine.worker.work(passes=3)

    assert bells == [4]
    assert Job.objects.get(pk=paid.pk).status == Status.QUEUED
    assert not any(each.paused_for for each in machine.worker.attempts)


def test_a_paused_job_can_be_canceled(alice, bob, new_machine):
    before = balance(alice)
    job = submit(alice)
    ending = new_machine("ending:1")
    start(ending, job, held_at=5)
    ending.worker.stop(grace=0)
    wait_for(lambda: all(each.paused_for for each in ending.worker.attempts))
    ending.go()
    paused = wait_for_status(job, Status.QUEUED)

    jobs.cancel(paused)

    ended = wait_for_status(job, Status.CANCELED)
    assert billed_steps(ended) == list(range(1, paused.paused_step + 1))
    assert ended.charged_ms > 0
    assert balance(alice) == before - ended.charged_ms
    assert saved_runs.take(paused) is None
    assert_books_balance()


def test_a_job_that_is_canceled_as_it_is_paused_pays_for_its_steps(alice, new_machine, monkeypatch):
    job = submit(alice)
    ending = new_machine("ending:1")
    start(ending, job, held_at=5)
    monkeypatch.setattr(ending.worker.attempts, "cancel_job", lambda _id: None)

    ending.worker.stop(grace=0)
    wait_for(lambda: all(each.paused_for for each in ending.worker.attempts))
    jobs.cancel(job)
    ending.go()
    ended = wait_for_status(job, Status.CANCELED)

    assert len(billed_steps(ended)) >= 5
    assert ended.charged_ms > 0
    assert_books_balance()


def test_a_state_that_cannot_be_kept_at_the_end_only_costs_the_house(
    alice, new_machine, monkeypatch
):
    job = submit(alice)
    ending = new_machine("ending:1")
    start(ending, job, held_at=5)

    def fail(_saved):
        raise MemoryError

    monkeypatch.setattr("generation.engine.saved_run.dumps", fail)
    ending.worker.stop(grace=0)
    wait_for(lambda: all(each.paused_for for each in ending.worker.attempts))
    ending.go()

    assert wait_for_status(job, Status.QUEUED).error_code == ""


def test_what_was_billed_elsewhere_does_not_count_against_the_limit_here(alice, new_machine):
    job = submit(alice)
    start(new_machine("slow:1"), job, held_at=5)
    Job.objects.filter(pk=job.pk).update(has_measured_quote=True, hold_ms=1)
    charges = (Charge(phase="step", index=1, us=10**12),)
    row = Job.objects.get(pk=job.pk)
    content = saved_runs.take(Job(pk=row.pk, attempt=row.attempt))
    saved = replace(saved_run.loads(content), charges=charges)
    state = SavedState(step=5, began=0, content=saved_run.dumps(saved))
    assert saved_runs.keep(row, replace(state, began=1))

    let_lapse(job)
    jobs.reap()
    new_machine("other:1").ring()

    wait_for_status(job, Status.SUCCEEDED)


def test_a_resumed_job_waited_only_while_it_was_in_line(alice):
    job = submit(alice)
    at = job.queued_at
    moves = [("running", 1), ("queued", 31), ("running", 41)]
    for became, seconds in moves:
        move = job.transitions.create(became=became, attempt=1)
        Transition.objects.filter(pk=move.pk).update(at=at + timedelta(seconds=seconds))
    job.attempt, job.started_at = 2, at + timedelta(seconds=41)

    assert job.waited_ms == 11_000
