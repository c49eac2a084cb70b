"""Pictures that go on from a kept step of another one, on a real worker and the bundled checkpoint."""

import PIL.Image
import pytest
from django.core.files.storage import default_storage

from billing import ledger
from billing.models import Unit
from generation import jobs, moderation
from generation.engine.request import drafts
from generation.images import kept_states, storage
from generation.jobs import saved_runs
from generation.models import Job, KeptState, Refusal, Speed, Status
from generation.worker import outcome
from generation.worker.device import KEPT_SHARES
from tests.generation.books import assert_books_balance
from tests.generation.carrying import let_lapse
from tests.generation.machine import Machine, wait_for_status
from tests.generation.rows import make_request
from tests.running import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
STEPS = 12


@pytest.fixture
def new_machine(db):
    """A function that returns a worker of a name. Runs are saved at each step."""
    machines = []

    def make(name="machine:1", **options):
        machines.append(Machine(name=name, save_interval=0.0, kept_shares=KEPT_SHARES, **options))
        return machines[-1]

    yield make
    for machine in machines:
        machine.end()


@pytest.fixture
def machine(new_machine):
    return new_machine()


def asked(**values):
    return make_request(**{"seed": 5, "num_inference_steps": STEPS, **values})


def make(machine, user, request, *, becomes=Status.SUCCEEDED):
    job = jobs.submit(user, request)
    machine.ring()
    ended = wait_for_status(job, becomes)
    machine.wait_until_idle()
    return ended


def pixels_of(image):
    with default_storage.open(image.file) as file, PIL.Image.open(file) as picture:
        return picture.convert("RGB").tobytes()


def billed_steps(job):
    return [line.index for line in job.parsed_receipt.steps]


def test_a_finished_picture_keeps_its_state_at_three_steps(alice, machine):
    image = make(machine, alice, asked()).images.get()

    assert [state.step for state in kept_states.of_image(image)] == [3, 6, 9]


@pytest.mark.parametrize("step", [3, 9])
def test_the_same_words_reproduce_the_picture_for_the_price_of_the_rest(alice, machine, step):
    image = make(machine, alice, asked()).images.get()
    state = KeptState.objects.get(step=step)
    stepped = machine.engine.stats.steps

    branch = make(machine, alice, kept_states.branch(state))

    assert pixels_of(branch.images.get()) == pixels_of(image)
    assert billed_steps(branch) == list(range(step + 1, STEPS + 1))
    assert machine.engine.stats.steps - stepped == STEPS - step
    assert branch.parsed_receipt.charged_ms == branch.charged_ms <= branch.hold_ms
    assert branch.steps_made == STEPS
    assert_books_balance()


def test_other_words_make_another_picture(alice, machine):
    image = make(machine, alice, asked()).images.get()
    state = KeptState.objects.get(step=6)

    branch = make(machine, alice, kept_states.branch(state, prompt="a blue car at night"))

    assert pixels_of(branch.images.get()) != pixels_of(image)
    assert branch.images.get().prompt == "a blue car at night"


def test_a_branch_has_branches_of_its_own(alice, machine):
    image = make(machine, alice, asked()).images.get()
    first = make(machine, alice, kept_states.branch(KeptState.objects.get(step=3)))

    states = kept_states.of_image(first.images.get())

    assert [state.step for state in states] == [6, 9]
    again = make(machine, alice, kept_states.branch(states[-1]))
    assert pixels_of(again.images.get()) == pixels_of(image)


def test_each_picture_of_a_job_branches_for_itself(alice, machine):
    whole = make(machine, alice, asked(num_images=2))
    second = whole.images.get(index=1)

    branch = make(machine, alice, kept_states.branch(kept_states.of_image(second)[0]))

    image = branch.images.get()
    assert image.seed == second.seed
    assert _are_alike(image, second)


def _are_alike(image, other):
    """Equal within one level: other company rounds differently."""
    return all(abs(a - b) <= 1 for a, b in zip(pixels_of(image), pixels_of(other), strict=True))


def test_a_branch_that_loses_its_worker_goes_on_where_it_was(alice, new_machine):
    first = new_machine("first:1")
    image = make(first, alice, asked()).images.get()
    lost = new_machine("lost:1")
    job = jobs.submit(alice, kept_states.branch(KeptState.objects.get(step=3)))
    _hold(lost, job, at_step=7)

    let_lapse(job)
    assert jobs.reap() == 1
    stepped = first.engine.stats.steps
    first.ring()
    ended = wait_for_status(job, Status.SUCCEEDED)

    assert pixels_of(ended.images.get()) == pixels_of(image)
    assert billed_steps(ended) == list(range(4, STEPS + 1))
    assert first.engine.stats.steps - stepped == STEPS - 7


def test_a_branch_without_its_state_starts_over_from_its_step(alice, new_machine):
    first = new_machine("first:1")
    image = make(first, alice, asked()).images.get()
    lost = new_machine("lost:1")
    job = jobs.submit(alice, kept_states.branch(KeptState.objects.get(step=3)))
    _hold(lost, job, at_step=7)
    saved_runs.forget(job.pk)

    let_lapse(job)
    jobs.reap()
    first.ring()
    ended = wait_for_status(job, Status.SUCCEEDED)

    assert pixels_of(ended.images.get()) == pixels_of(image)
    assert billed_steps(ended) == list(range(4, STEPS + 1))


def _hold(machine, job, *, at_step):
    machine.hold(at_step=at_step)
    machine.ring()
    machine.wait_until_held()
    wait_for(lambda: saved_runs.progress_of(Job.objects.get(pk=job.pk)) >= at_step)


def test_a_state_that_cannot_be_read_fails_the_job_for_free(alice, machine):
    make(machine, alice, asked())
    state = KeptState.objects.get(step=6)
    before = ledger.available(alice, Unit.GPU_MS)
    default_storage.delete(state.file)

    job = make(machine, alice, kept_states.branch(state), becomes=Status.FAILED)

    assert (job.error_code, job.charged_ms) == ("origin", 0)
    assert not job.can_be_retried
    assert ledger.available(alice, Unit.GPU_MS) == before
    assert_books_balance()


def test_a_store_without_room_for_states_costs_no_picture(alice, machine, monkeypatch):
    def refuse(job, states):
        raise OSError("full")

    monkeypatch.setattr(kept_states, "keep", refuse)

    assert make(machine, alice, asked()).images.count() == 1


def test_drafts_become_the_pictures_that_their_seeds_make(alice, machine):
    job = make(machine, alice, drafts.drafts_of(asked()))

    assert not job.images.exists()
    states = list(KeptState.objects.drafts().order_by("index"))
    assert [(state.index, state.step) for state in states] == [(n, 4) for n in range(8)]
    for state in states:
        with default_storage.open(state.preview) as file, PIL.Image.open(file) as preview:
            assert preview.size == (128, 128)
    assert billed_steps(job) == [1, 2, 3, 4]
    assert job.charged_ms <= job.hold_ms
    finished = make(machine, alice, kept_states.branch(states[5]))
    alone = make(machine, alice, asked(seed=10))
    assert _are_alike(finished.images.get(), alone.images.get())
    assert billed_steps(finished) == list(range(5, STEPS + 1))
    assert_books_balance()


def test_drafts_that_lose_their_worker_go_on(alice, new_machine):
    lost, other = new_machine("lost:1"), new_machine("other:1")
    job = jobs.submit(alice, drafts.drafts_of(asked()))
    _hold(lost, job, at_step=2)

    let_lapse(job)
    jobs.reap()
    other.ring()
    ended = wait_for_status(job, Status.SUCCEEDED)

    assert KeptState.objects.drafts().count() == 8
    assert other.engine.stats.steps == 2
    assert billed_steps(ended) == [1, 2, 3, 4]


def test_drafts_that_cannot_be_stored_cost_nothing(alice, machine, monkeypatch):
    monkeypatch.setattr(outcome, "RETRY_SECONDS", 0)

    def refuse(*args, **kwargs):
        raise storage.StorageRefused("full")

    monkeypatch.setattr(kept_states, "store_drafts", refuse)
    job = make(machine, alice, drafts.drafts_of(asked()), becomes=Status.FAILED)

    assert (job.error_code, job.charged_ms) == ("storage", 0)
    assert not KeptState.objects.exists()
    assert_books_balance()


def test_drafts_are_checked_as_pictures_are(alice, machine, monkeypatch):
    verdict = moderation.Verdict(is_blocked=True, ms=3)
    monkeypatch.setattr(moderation, "check", lambda _images: verdict)

    job = make(machine, alice, drafts.drafts_of(asked()), becomes=Status.FAILED)

    assert job.error_code == "blocked"
    assert Refusal.objects.exists()
    assert not KeptState.objects.exists()


def test_drafts_teach_no_speed(alice, machine):
    make(machine, alice, drafts.drafts_of(asked()))

    assert not Speed.objects.exists()
