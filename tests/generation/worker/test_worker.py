"""A worker with the real engine on the bundled checkpoint: jobs of 64 pixels and a few steps."""

import errno
import threading
from dataclasses import replace

import PIL.Image
import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import OperationalError, connection

from generation import jobs
from generation.engine.charges import Charge
from generation.engine.diffusion.families.sd import StableDiffusion
from generation.live import latest
from generation.live import messages as live_messages
from generation.models import Image, Job, Pause, Speed, Status
from generation.queue import estimates
from generation.worker import carrier, outcome, tender, watchdog
from generation.worker.device import device_name
from tests.billing.books import balance
from tests.generation.books import assert_books_balance
from tests.generation.carrying import CHARGES, PICTURE, claim, let_lapse
from tests.generation.installed import put
from tests.generation.listening import listening
from tests.generation.machine import Machine, wait_for_all, wait_for_status
from tests.generation.rows import make_request
from tests.running import wait_for
from tests.valkey import Valkey

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quick")]
POISON = 666
# The steps of a long job.
STEPS = 40
LAST_BUT_ONE = STEPS - 1


@pytest.fixture
def machine(alice):
    machine = Machine()
    yield machine
    machine.end()


@pytest.fixture
def media(tmp_path, settings):
    return use_storage(settings, tmp_path, "django.core.files.storage.FileSystemStorage")


def use_storage(settings, folder, backend, **options):
    options |= {"location": folder, "base_url": None}
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend, "OPTIONS": options}}
    return folder


class StubbornDisk(FileSystemStorage):
    """Refuses the first `refusals` files."""

    def __init__(self, *, refusals, **options):
        super().__init__(**options)
        self.refusals = refusals

    def _save(self, name, content):
        if self.refusals > 0:
            self.refusals -= 1
            raise OSError(errno.ENOSPC, "No space left on device")
        return super()._save(name, content)


def submit(user, **values):
    return jobs.submit(user, make_request(num_inference_steps=3, **values))


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def fail_on_poison(pipeline_method):
    """The method, except that it raises for the poisoned run."""

    def method_or_fail(pipeline, runs):
        if any(run.request.seed == POISON for run in runs):
            raise RuntimeError("broken")
        return pipeline_method(pipeline, runs)

    return method_or_fail


# From queue to picture --------------------------------------------------------------------------


def test_a_job_becomes_a_picture_and_a_receipt(alice, machine):
    before = balance(alice)
    job = submit(alice, prompt="a red house", seed=5)

    machine.ring()
    machine.wait_until_idle()

    job.refresh_from_db()
    assert job.status == Status.SUCCEEDED
    image = job.images.get()
    assert (image.seed, image.width, image.height) == (5, 64, 64)
    with default_storage.open(image.file) as file, PIL.Image.open(file) as picture:
        assert (picture.format, picture.size) == ("PNG", (64, 64))
        assert picture.text["parameters"].startswith("a red house")
    phases = [group.phase for group in job.parsed_receipt.groups]
    # On a slow machine, a line for the excess comes last.
    assert phases[:6] == ["queue", "load", "encode", "step", "decode", "storage"]
    assert [line.index for line in job.parsed_receipt.steps] == [1, 2, 3]
    assert job.charged_ms == job.parsed_receipt.charged_ms
    assert balance(alice) == before - job.charged_ms
    assert_books_balance()


def test_nothing_is_charged_that_the_device_was_not_busy_for(alice, bob, machine):
    submitted = [submit(alice), submit(bob, num_images=3), submit(alice, width=96)]

    machine.ring()
    machine.ring()
    machine.wait_until_idle()

    done = wait_for_all(lambda job: job.status == Status.SUCCEEDED, *submitted)
    assert 0 < sum(job.charged_ms for job in done) <= machine.engine.busy_us / 1_000


def test_one_bell_is_enough_for_all_that_wait(alice, bob, machine):
    submitted = [submit(user) for user in (alice, bob, alice, bob)]

    machine.ring()
    machine.wait_until_idle()

    wait_for_all(lambda job: job.status == Status.SUCCEEDED, *submitted)


def test_a_bell_too_many_has_no_effect(machine):
    for _ in range(5):
        machine.ring()

    machine.wait_until_idle()


def test_jobs_that_run_at_once_share_every_step(alice, bob, machine):
    machine.hold()
    submitted = [submit(alice, seed=1), submit(bob, seed=2)]
    machine.ring()
    machine.ring()
    wait_for_all(lambda job: job.status == Status.RUNNING, *submitted)

    machine.go()
    machine.wait_until_idle()

    wait_for_all(lambda job: job.status == Status.SUCCEEDED, *submitted)
    assert machine.engine.stats.steps == 3
    assert machine.engine.stats.rows == 3 * 2 * 2


def test_who_finds_no_slot_free_leaves_the_job_to_whoever_frees_one(alice, bob, machine):
    machine.hold()
    running = [submit(alice), submit(alice)]
    machine.ring()
    machine.ring()
    wait_for_all(lambda job: job.status == Status.RUNNING, *running)
    waiting = submit(bob)
    machine.ring()

    machine.go()
    machine.wait_until_idle()

    assert wait_for_status(waiting, Status.SUCCEEDED)


def test_the_quote_learns_from_what_ran(alice, machine):
    submit(alice)

    machine.ring()
    machine.wait_until_idle()

    speed = Speed.objects.get()
    assert (speed.checkpoint, speed.samples) == ("sketchbook", 1)
    assert speed.device.startswith(machine.loader.device.type)


# Messages ---------------------------------------------------------------------------------------


def test_who_watches_sees_the_picture_appear(alice, machine):
    latest.note_watching(alice.pk)
    job = submit(alice)

    with listening(live_messages.user_group(alice.pk)) as heard:
        machine.hold(at_step=2)
        machine.ring()
        machine.wait_until_held()
        preview = heard.until(type="live.preview")
        machine.go()
        messages = [preview]
        while messages[-1].get("message", {}).get("status") != "succeeded":
            messages.append(heard.next())

    assert preview["job"] == str(job.pk)
    assert preview["jpeg"][:2] == b"\xff\xd8"
    told = [each["message"] for each in messages if "message" in each]
    assert {each["job"] for each in told} == {str(job.pk)}
    assert [each["seq"] for each in told] == sorted({each["seq"] for each in told})
    assert latest.preview_of(job.pk) is not None


def test_for_nobody_no_previews_are_made(alice, machine):
    submit(alice)

    with listening(live_messages.user_group(alice.pk)) as heard:
        machine.ring()
        machine.wait_until_idle()
        heard.until(type="live.message")

    assert machine.engine.stats.us["preview"] == 0


def test_whoever_opens_a_page_in_mid_run_sees_previews_from_then_on(alice, machine):
    job = jobs.submit(alice, make_request(num_inference_steps=STEPS))
    machine.hold(at_step=1)
    machine.ring()
    machine.wait_until_held()

    latest.note_watching(alice.pk)
    wait_for(lambda: alice.pk in machine.worker.watchers)
    machine.go()
    machine.wait_until_idle()

    assert latest.preview_of(job.pk) is not None


# Canceling --------------------------------------------------------------------------------------


def start_long_job(user, machine, *, held_at):
    """A job held after its step number `held_at`."""
    job = jobs.submit(user, make_request(num_inference_steps=STEPS))
    machine.hold(at_step=held_at)
    machine.ring()
    machine.wait_until_held()
    return Job.objects.get(pk=job.pk)


def wait_until_asked_to_stop(machine):
    mailbox = machine.engine._mailbox
    wait_for(lambda: mailbox._canceled or mailbox._suspended)


def test_canceling_midway_charges_only_what_ran(alice, machine):
    before = balance(alice)
    job = start_long_job(alice, machine, held_at=4)

    jobs.cancel(job)
    wait_until_asked_to_stop(machine)
    machine.go()
    machine.wait_until_idle()

    job.refresh_from_db()
    assert job.status == Status.CANCELED
    assert [line.index for line in job.parsed_receipt.steps] == [1, 2, 3, 4]
    assert 0 < job.charged_ms == job.parsed_receipt.charged_ms
    assert balance(alice) == before - job.charged_ms
    assert not job.images.exists()
    assert_books_balance()


def test_a_cancellation_whose_hint_was_lost_is_found(alice, machine, monkeypatch):
    monkeypatch.setattr(live_messages, "ask_to_stop", lambda _job: None)
    job = start_long_job(alice, machine, held_at=2)

    jobs.cancel(job)
    wait_until_asked_to_stop(machine)
    machine.go()
    machine.wait_until_idle()

    assert Job.objects.get().status == Status.CANCELED


def test_canceling_one_of_two_leaves_the_other_alone(alice, bob, machine):
    machine.hold()
    kept = jobs.submit(bob, make_request(num_inference_steps=20))
    canceled = jobs.submit(alice, make_request(num_inference_steps=20))
    machine.ring()
    machine.ring()
    wait_for_all(lambda job: job.status == Status.RUNNING, kept, canceled)

    jobs.cancel(canceled)
    wait_until_asked_to_stop(machine)
    machine.go()
    machine.wait_until_idle()

    assert wait_for_status(kept, Status.SUCCEEDED).images.count() == 1
    assert wait_for_status(canceled, Status.CANCELED).charged_ms == 0


# Failing ----------------------------------------------------------------------------------------


def test_a_run_that_breaks_fails_free_of_charge_and_the_next_one_runs(
    alice, bob, machine, monkeypatch
):
    monkeypatch.setattr(StableDiffusion, "denoise", fail_on_poison(StableDiffusion.denoise))
    before = balance(alice)
    poison, healthy = submit(alice, seed=POISON), submit(bob)

    machine.ring()
    machine.wait_until_idle()

    failed = wait_for_status(poison, Status.FAILED)
    assert (failed.error_code, failed.charged_ms) == ("error", 0)
    assert failed.error == "Something went wrong while making this picture."
    assert balance(alice) == before
    wait_for_status(healthy, Status.SUCCEEDED)
    assert_books_balance()


def test_a_run_that_takes_far_longer_than_its_hold_is_stopped(alice, machine, monkeypatch):
    estimates.learn(make_request(), CHARGES, device=device_name(machine.loader.device))
    monkeypatch.setattr(carrier, "BUDGET_FACTOR", 0)
    before = balance(alice)
    job = submit(alice)

    machine.ring()
    machine.wait_until_idle()

    assert wait_for_status(job, Status.FAILED).error_code == "budget"
    assert balance(alice) == before


def test_a_device_that_was_never_measured_may_be_as_slow_as_it_is(alice, machine, monkeypatch):
    estimates.learn(make_request(), CHARGES, device="another")
    monkeypatch.setattr(carrier, "BUDGET_FACTOR", 0)
    job = submit(alice)

    machine.ring()
    machine.wait_until_idle()

    assert wait_for_status(job, Status.SUCCEEDED)


def test_a_quote_that_was_a_guess_never_limits_its_run(alice, machine, monkeypatch):
    monkeypatch.setattr(carrier, "BUDGET_FACTOR", 0)
    job = submit(alice)
    estimates.learn(make_request(), CHARGES, device=device_name(machine.loader.device))

    machine.ring()
    machine.wait_until_idle()

    assert wait_for_status(job, Status.SUCCEEDED)


def test_a_slow_devices_own_speed_limits_its_runs_not_that_of_a_fast_one(alice, machine):
    here, request = device_name(machine.loader.device), make_request(num_inference_steps=3)
    estimates.learn(request, CHARGES[:2], device="fast")
    job = submit(alice)
    slow = [replace(charge, us=1_000 * charge.us) for charge in CHARGES]
    estimates.learn(request, slow, device=here)
    machine.hold(at_step=1)
    machine.ring()
    machine.wait_until_held()

    (ticket,) = machine.engine._scheduler.tickets

    likely_us = 1_000 * estimates.quote_on(here, request).likely_ms
    assert likely_us > 1_000 * job.hold_ms
    assert ticket.budget_us > carrier.BUDGET_FACTOR * likely_us


def test_a_guess_teaches_nothing_about_the_error_of_quotes(alice, machine):
    submit(alice)
    machine.ring()
    machine.wait_until_idle()

    assert Speed.objects.get().error == 0


def test_a_checkpoint_that_cannot_be_loaded_fails_its_job(alice, machine, settings, tmp_path):
    settings.CHECKPOINTS_DIR = machine.loader._root = tmp_path
    put(tmp_path, "sd-1.5")
    before = balance(alice)
    job = submit(alice, checkpoint="sd-1.5", width=512, height=512)

    machine.ring()
    machine.wait_until_idle()

    assert wait_for_status(job, Status.FAILED).error_code == "load"
    assert balance(alice) == before


def test_a_job_that_the_worker_stumbles_over_fails(alice, machine, monkeypatch):
    job = submit(alice)
    Job.objects.filter(pk=job.pk).update(request={**job.request, "noise_scheduler": "unknown"})

    machine.ring()
    machine.wait_until_idle()

    assert wait_for_status(job, Status.FAILED).error_code == "error"
    assert_books_balance()


def test_a_picture_that_cannot_be_stored_costs_nothing(alice, machine, tmp_path, settings):
    use_storage(settings, tmp_path, f"{__name__}.StubbornDisk", refusals=1_000)
    before = balance(alice)
    job = submit(alice)

    machine.ring()
    machine.wait_until_idle()

    failed = wait_for_status(job, Status.FAILED)
    assert failed.error_code == "storage"
    assert "could not be stored" in failed.error
    assert (failed.charged_ms, failed.parsed_receipt.charged_ms) == (0, 0)
    assert balance(alice) == before
    assert not Image.objects.exists()
    assert_books_balance()


def test_a_store_that_refuses_twice_is_asked_a_third_time(alice, machine, tmp_path, settings):
    use_storage(settings, tmp_path, f"{__name__}.StubbornDisk", refusals=2)
    job = submit(alice)

    machine.ring()
    machine.wait_until_idle()

    assert wait_for_status(job, Status.SUCCEEDED).images.count() == 1
    assert len(files_in(tmp_path)) == 2


@pytest.fixture
def exits(machine, settings, monkeypatch):
    """The statuses with which the process would have ended, while a stall is soon noticed."""
    statuses = []
    monkeypatch.setattr(watchdog.os, "_exit", statuses.append)
    settings.WORKER_STALL_SECONDS = 0.2
    yield statuses
    settings.WORKER_STALL_SECONDS = 3_600


@pytest.fixture
def stuck():
    """A function that does not return before the test ends."""
    over = threading.Event()
    yield lambda *_: over.wait(60)
    over.set()


def wait_for_exit_because_of(thread, statuses, caplog):
    wait_for(lambda: f"its {thread} made no progress" in caplog.text)
    wait_for(lambda: statuses)
    assert set(statuses) == {watchdog.os.EX_SOFTWARE}


def test_a_device_that_does_not_answer_ends_the_process(alice, machine, exits, caplog):
    submit(alice)
    machine.hold()

    machine.ring()

    wait_for_exit_because_of("engine", exits, caplog)


def test_a_tender_that_is_stuck_ends_the_process(machine, exits, stuck, monkeypatch, caplog):
    monkeypatch.setattr(tender.heartbeats, "say", stuck)

    wait_for_exit_because_of("tender", exits, caplog)


def test_a_publisher_that_is_stuck_ends_the_process(machine, exits, stuck, caplog):
    machine.worker._publisher._loop.call_soon_threadsafe(stuck)

    wait_for_exit_because_of("publisher", exits, caplog)


# Leases -----------------------------------------------------------------------------------------


def test_a_lease_is_renewed_as_long_as_its_job_runs(alice, machine, settings):
    settings.LEASE_RENEWAL_SECONDS = 0
    job = start_long_job(alice, machine, held_at=1)

    wait_for(lambda: Job.objects.get().lease_expires_at > job.lease_expires_at)

    assert Job.objects.get().attempt == job.attempt


def test_an_attempt_that_lost_its_lease_charges_nothing_and_keeps_nothing(alice, machine, media):
    before = balance(alice)
    job = start_long_job(alice, machine, held_at=LAST_BUT_ONE)
    let_lapse_and_reap(job)
    jobs.finish(claim(), [PICTURE], [Charge(phase="encode", us=34_000)])

    machine.go()
    machine.wait_until_idle()

    assert balance(alice) == before - 34
    assert job.images.get().file == PICTURE.file
    assert files_in(media) == []
    assert_books_balance()


def test_a_run_whose_lease_was_lost_is_taken_off_the_device(alice, machine, settings):
    settings.LEASE_RENEWAL_SECONDS = 0
    job = start_long_job(alice, machine, held_at=1)

    let_lapse_and_reap(job)
    wait_until_asked_to_stop(machine)
    machine.worker.is_stopping.set()
    machine.go()
    machine.wait_until_idle()

    assert Job.objects.get().status == Status.QUEUED
    assert machine.engine.stats.steps == 1


def let_lapse_and_reap(job):
    """Lapse and reap in a loop, because the tender may renew the lease in between."""
    while not jobs.reap():
        let_lapse(job)


def test_a_worker_that_claims_what_it_lost_carries_the_new_attempt_alone(alice, machine, settings):
    job = start_long_job(alice, machine, held_at=1)
    let_lapse_and_reap(job)
    machine.ring()
    wait_for(lambda: len(machine.worker.attempts) == 2)
    old, _new = machine.worker.attempts

    settings.LEASE_RENEWAL_SECONDS = 0
    wait_for(lambda: old.is_lost)
    machine.go()
    machine.wait_until_idle()

    done = wait_for_status(job, Status.SUCCEEDED)
    assert done.attempt == 2
    assert_books_balance()


def test_a_suspect_runs_alone_and_the_others_follow(alice, bob, machine):
    suspect, waiting = submit(alice), submit(bob)
    Job.objects.filter(pk=suspect.pk).update(lapses=1)
    machine.hold()
    machine.ring()
    wait_for(lambda: len(machine.worker.attempts) == 1)

    # Answers at once, having claimed nothing.
    machine.worker.work()
    assert Job.objects.get(pk=waiting.pk).status == Status.QUEUED
    machine.go()
    machine.wait_until_idle()

    assert wait_for_status(suspect, Status.SUCCEEDED).lapses == 1
    assert (
        wait_for_status(waiting, Status.SUCCEEDED).started_at
        >= wait_for_status(suspect, Status.SUCCEEDED).finished_at
    )


def test_a_suspect_waits_until_its_worker_is_idle(alice, bob, machine):
    running = start_long_job(bob, machine, held_at=1)
    suspect = submit(alice)
    Job.objects.filter(pk=suspect.pk).update(lapses=1)

    # Answers at once, having claimed nothing.
    machine.worker.work()
    assert Job.objects.get(pk=suspect.pk).status == Status.QUEUED
    machine.go()
    machine.wait_until_idle()

    ended = wait_for_status(running, Status.SUCCEEDED)
    assert wait_for_status(suspect, Status.SUCCEEDED).started_at >= ended.finished_at


def test_other_threads_are_rung_for_once_a_suspect_has_ended(alice, bob, machine, monkeypatch):
    bells = []
    monkeypatch.setattr(jobs, "ring_for_waiting", lambda: bells.append(Job.objects.get(pk=job.pk)))
    job = submit(alice)
    Job.objects.filter(pk=job.pk).update(lapses=1)

    machine.ring()
    machine.wait_until_idle()

    assert [bell.status for bell in bells] == [Status.SUCCEEDED]


# Ending -----------------------------------------------------------------------------------------


def test_a_worker_that_is_killed_while_it_ends_leaves_no_blame(alice, machine):
    job = start_long_job(alice, machine, held_at=2)

    machine.worker.stop(grace=3_600)
    let_lapse_and_reap(job)

    job.refresh_from_db()
    assert (job.status, job.lapses) == (Status.QUEUED, 0)
    assert job.transitions.last().note == "worker was told to end"


def test_a_job_that_was_claimed_as_its_worker_ended_is_handed_back(alice, machine, monkeypatch):
    really_claim = jobs.claim

    def claim_as_it_ends(**options):
        claimed = really_claim(**options)
        machine.worker.is_stopping.set()
        return claimed

    monkeypatch.setattr(jobs, "claim", claim_as_it_ends)
    job = submit(alice)

    machine.ring()
    machine.wait_until_idle()

    assert wait_for_status(job, Status.QUEUED).lapses == 0
    assert job.transitions.last().note == "handed back"
    assert machine.engine.stats.steps == 0


def test_a_worker_ends_also_while_postgresql_is_away(alice, machine, monkeypatch):
    def fail(**options):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(jobs, "excuse", fail)
    job = start_long_job(alice, machine, held_at=2)

    machine.worker.stop(grace=0)
    wait_until_asked_to_stop(machine)
    machine.go()
    machine.wait_until_idle()

    assert wait_for_status(job, Status.QUEUED).lapses == 0


def test_a_worker_that_stops_hands_back_what_runs_and_claims_no_more(alice, machine):
    before = balance(alice)
    job = start_long_job(alice, machine, held_at=2)
    waiting = submit(alice)

    machine.worker.stop(grace=0)
    wait_until_asked_to_stop(machine)
    machine.go()
    machine.wait_until_idle()

    job.refresh_from_db()
    assert (job.status, job.lapses, job.worker) == (Status.QUEUED, 0, "")
    assert job.transitions.last().note == "handed back"
    machine.ring()
    machine.wait_until_idle()
    assert wait_for_status(waiting, Status.QUEUED)
    assert balance(alice) == before - job.hold_ms - waiting.hold_ms
    assert_books_balance()


def test_a_worker_that_stops_lets_a_job_end_that_is_quick_enough(alice, machine):
    job = start_long_job(alice, machine, held_at=LAST_BUT_ONE)

    machine.worker.stop(grace=60)
    machine.go()
    machine.wait_until_idle()

    assert wait_for_status(job, Status.SUCCEEDED).attempt == 1


def test_a_picture_that_is_ready_is_not_handed_back(alice, machine):
    job = start_long_job(alice, machine, held_at=LAST_BUT_ONE)
    (running,) = machine.worker.attempts

    running.paused_for = Pause.WORKER_ENDED
    machine.go()
    machine.wait_until_idle()

    assert wait_for_status(job, Status.SUCCEEDED).attempt == 1


# While servers are away -------------------------------------------------------------------------


def test_a_settlement_waits_for_postgresql(alice, machine, monkeypatch):
    before = balance(alice)
    bulk_create = Image.objects.bulk_create
    failures = [OperationalError("server closed the connection unexpectedly")] * 3

    def fail_first(images):
        if failures:
            raise failures.pop()
        return bulk_create(images)

    monkeypatch.setattr(
        type(Image.objects), "bulk_create", lambda _self, images: fail_first(images)
    )
    job = submit(alice)

    machine.ring()
    machine.wait_until_idle()

    assert failures == []
    done = wait_for_status(job, Status.SUCCEEDED)
    assert done.images.count() == 1
    assert balance(alice) == before - done.charged_ms
    assert_books_balance()


def test_connections_that_broke_during_a_run_do_no_harm(alice, machine):
    # Other tests may have left many to the pool, which would try all of them, with a longer pause each time.
    connection.close()
    connection.close_pool()
    job = start_long_job(alice, machine, held_at=LAST_BUT_ONE)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cursor.rowcount > 0
    machine.go()
    machine.wait_until_idle()

    assert wait_for_status(job, Status.SUCCEEDED).images.count() == 1
    assert_books_balance()


def test_a_commit_whose_answer_is_lost_keeps_the_picture(alice, machine, media, monkeypatch):
    before = balance(alice)
    really_finish = jobs.finish

    def finish_and_lose_the_answer(*args, **kwargs):
        really_finish(*args, **kwargs)
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(jobs, "finish", finish_and_lose_the_answer)
    job = submit(alice)

    machine.ring()
    machine.wait_until_idle()

    done = wait_for_status(job, Status.SUCCEEDED)
    assert len(files_in(media)) == 2
    assert balance(alice) == before - done.charged_ms
    assert_books_balance()


def test_a_settlement_that_stays_impossible_is_left_to_the_reaper(alice, machine, monkeypatch):
    monkeypatch.setattr(outcome, "PATIENCE_SECONDS", 0.2)

    def fail(*args, **kwargs):
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "finish", fail)
        patch.setattr(jobs, "fail", fail)
        job = submit(alice)
        machine.ring()
        machine.wait_until_idle()
    assert isinstance(machine.errors.pop(), OperationalError)
    let_lapse_and_reap(job)
    machine.ring()
    machine.wait_until_idle()

    assert wait_for_status(job, Status.SUCCEEDED).attempt == 2
    assert_books_balance()


def test_jobs_are_carried_while_valkey_is_away(alice, bob, settings, monkeypatch):
    with Valkey() as valkey:
        valkey.use(settings)
        settings.LEASE_RENEWAL_SECONDS = 0
        machine = Machine()
        running = start_long_job(alice, machine, held_at=1)
        valkey.kill()
        waiting = submit(bob)
        renewed_before = Job.objects.get(pk=running.pk).lease_expires_at
        wait_for(lambda: Job.objects.get(pk=running.pk).lease_expires_at > renewed_before)
        machine.go()
        machine.wait_until_idle()
        machine.end()

    wait_for_all(lambda job: job.status == Status.SUCCEEDED, running, waiting)
    assert_books_balance()
