import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.translation import override

from billing import ledger
from billing.models import Unit
from generation import jobs
from generation.engine.failures import MESSAGES
from generation.live import latest, messages, snapshot
from generation.live.messages import Progress
from generation.models import UNFINISHED, Job, Status
from tests.generation.carrying import claim, finish, let_lapse, submit, submit_and_claim
from tests.generation.listening import listening
from tests.generation.rows import make_image, make_job

pytestmark = pytest.mark.django_db
NOWHERE = "unix:///nowhere/valkey.sock"


def progress_of(job, *, seq, step=1):
    return Progress(job=str(job.pk), seq=seq, phase="denoising", step=step, steps=100)


@pytest.fixture
def valkey_is_away(settings):
    layer = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": {"hosts": [NOWHERE]}}}
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": NOWHERE}}


# Sequence numbers -------------------------------------------------------------------------------


def test_numbers_rise_through_a_jobs_life(alice):
    job = submit(alice)
    seen = [messages.seq_of(job)]
    for give_back in (jobs.hand_back, let_lapse_and_reap):
        job = claim()
        seen.append(messages.seq_of(job))
        # Messages of its worker while it runs.
        seen += [messages.seq_of(job) + count for count in (1, 2, 150)]
        give_back(job)
        seen.append(messages.seq_of(Job.objects.get()))
    job = claim()
    seen.append(messages.seq_of(job))
    finish(job)
    seen.append(messages.seq_of(Job.objects.get()))

    assert seen == sorted(set(seen))


def let_lapse_and_reap(job):
    let_lapse(job)
    jobs.reap()


@pytest.mark.parametrize("end", [Status.SUCCEEDED, Status.FAILED, Status.CANCELED])
def test_an_end_is_above_all_that_its_attempt_can_say(alice, end):
    job = submit_and_claim(alice)
    last = messages.seq_of(job) + messages.SEQ_PER_STATE - 1

    job.status = end

    assert messages.seq_of(job) > last


def test_a_job_canceled_in_line_is_above_itself_in_line(alice):
    job = submit(alice)
    before = messages.seq_of(job)

    jobs.cancel(job)

    assert messages.seq_of(Job.objects.get()) > before


def test_numbers_fit_into_a_previews_header(alice):
    job = submit_and_claim(alice)
    job.attempt = 1_000

    assert messages.seq_of(job) + messages.SEQ_PER_STATE < 2**32


# Snapshots --------------------------------------------------------------------------------------


def test_a_snapshot_has_the_active_jobs_and_the_balance(alice):
    running, waiting = submit_and_claim(alice), submit(alice)
    make_job(alice, status=Status.SUCCEEDED)

    state = snapshot.user_state(alice)

    assert state["balance_ms"] == ledger.available(alice, Unit.GPU_MS)
    first, second = state["jobs"]
    assert (first["job"], first["status"], first["position"]) == (str(running.pk), "running", None)
    assert (second["job"], second["status"], second["position"]) == (str(waiting.pk), "queued", 1)
    assert first["elapsed_ms"] >= 0
    assert second["elapsed_ms"] is None
    assert second["ceiling_ms"] == waiting.hold_ms


def test_a_snapshot_has_nothing_of_others(alice, bob):
    submit(alice)

    assert snapshot.user_state(bob)["jobs"] == []


def test_a_snapshot_says_where_a_run_stands(alice):
    job = submit_and_claim(alice)
    seq = messages.seq_of(job) + 5
    latest.keep_progress([progress_of(job, seq=seq, step=42)])

    (state,) = snapshot.user_state(alice)["jobs"]

    assert (state["phase"], state["step"], state["steps"]) == ("denoising", 42, 100)
    assert state["seq"] == seq


def test_a_snapshot_says_what_is_billed_and_what_is_free(alice):
    job = submit_and_claim(alice)
    progress = progress_of(job, seq=messages.seq_of(job) + 5, step=42)
    latest.keep_progress([replace(progress, billed_ms=800, free_ms=33_700)])

    (state,) = snapshot.user_state(alice)["jobs"]

    assert (state["billed_ms"], state["free_ms"]) == (800, 33_700)


def test_all_time_until_the_end_of_loading_is_free(alice):
    job = submit_and_claim(alice)
    now = timezone.now()
    queued_at, started_at = now - timedelta(seconds=90), now - timedelta(seconds=60)
    Job.objects.filter(pk=job.pk).update(queued_at=queued_at, started_at=started_at)
    progress = progress_of(job, seq=messages.seq_of(job) + 1, step=0)
    latest.keep_progress([replace(progress, phase="loading", free_ms=30_000)])

    (state,) = snapshot.user_state(alice)["jobs"]

    assert state["free_ms"] >= 90_000
    assert state["billed_ms"] == 0


def test_progress_of_an_earlier_attempt_is_none(alice):
    job = submit_and_claim(alice)
    latest.keep_progress([progress_of(job, seq=messages.seq_of(job) + 5, step=42)])
    jobs.hand_back(job)
    again = claim()

    (state,) = snapshot.user_state(alice)["jobs"]

    assert (state["phase"], state["step"]) == ("", 0)
    assert state["seq"] == messages.seq_of(again)


def test_a_job_that_waits_again_has_no_progress(alice):
    job = submit_and_claim(alice)
    latest.keep_progress([progress_of(job, seq=messages.seq_of(job) + 5, step=42)])
    jobs.hand_back(job)

    (state,) = snapshot.user_state(alice)["jobs"]

    assert (state["status"], state["step"], state["position"]) == ("queued", 0, 1)


def test_snapshots_of_many_jobs_take_as_many_queries_as_of_one(
    alice, django_assert_num_queries, django_assert_max_num_queries
):
    submit(alice)
    with django_assert_max_num_queries(6) as few:
        snapshot.user_state(alice)
    for _ in range(15):
        submit(alice)

    with django_assert_num_queries(len(few.captured_queries)):
        snapshot.user_state(alice)


@pytest.mark.parametrize("status", Status)
def test_a_jobs_state_can_be_told_in_every_status(alice, status):
    state = snapshot.job_state(make_job(alice, status=status))

    assert state["status"] == status
    assert (state["position"] is None) == (status != Status.QUEUED)
    assert (state["charged_ms"] is None) == (status in UNFINISHED)


def test_a_finished_jobs_state_has_the_pictures_that_were_kept(alice):
    job = make_job(alice)
    first, second = make_image(job, index=0), make_image(job, index=1)
    type(second).objects.filter(pk=second.pk).update(deleted_at=second.created_at)

    (picture,) = snapshot.job_state(job)["images"]

    assert picture["id"] == str(first.pk)
    assert str(first.pk) in picture["url"]


def test_what_went_wrong_is_told_in_the_readers_language(alice, settings):
    job = make_job(alice, status=Status.FAILED)
    job.error = MESSAGES["nan"]
    job.save()

    with override("zh-hans"):
        error = snapshot.job_state(job)["error"]

    assert error.startswith("模型没有给出可用的图片")


# Kept for later browsers ------------------------------------------------------------------------


def test_the_newest_preview_is_kept(alice):
    job = submit_and_claim(alice)
    assert latest.preview_of(job.pk) is None

    latest.keep_previews({job.pk: (1, b"old")})
    latest.keep_previews({job.pk: (2, b"new")})

    assert latest.preview_of(job.pk) == (2, b"new")


def test_who_watches_is_known_for_a_while(alice, bob, monkeypatch):
    monkeypatch.setattr(latest, "WATCHED_SECONDS", 1)

    latest.note_watching(alice.pk)

    assert latest.watched([alice.pk, bob.pk]) == {alice.pk}
    time.sleep(1.1)
    assert latest.watched([alice.pk, bob.pk]) == frozenset()


# Sending ----------------------------------------------------------------------------------------


def test_a_move_is_told_to_its_owner_alone(alice, bob, django_capture_on_commit_callbacks):
    with (
        listening(messages.user_group(alice.pk)) as heard,
        listening(messages.user_group(bob.pk)) as overheard,
    ):
        with django_capture_on_commit_callbacks(execute=True):
            job = submit(alice)

        message = heard.next()["message"]
        assert overheard.nothing()
    assert message == {
        "type": "job.status",
        "job": str(job.pk),
        "seq": messages.seq_of(job),
        "status": "queued",
        "balance_ms": ledger.available(alice, Unit.GPU_MS),
        "held_ms": job.hold_ms,
    }


def test_every_move_of_a_job_is_told_in_order(alice, django_capture_on_commit_callbacks):
    with listening(messages.user_group(alice.pk)) as heard:
        with django_capture_on_commit_callbacks(execute=True):
            jobs.hand_back(submit_and_claim(alice))
            finish(claim())

        told = [heard.next()["message"] for _ in range(5)]
    assert [each["status"] for each in told] == [
        "queued",
        "running",
        "queued",
        "running",
        "succeeded",
    ]
    assert [each["seq"] for each in told] == sorted({each["seq"] for each in told})


def test_canceling_a_running_job_is_hinted_to_the_workers(alice):
    job = submit_and_claim(alice)

    with listening(messages.WORKERS) as heard:
        jobs.cancel(job)

        assert heard.next() == {"type": "job.cancel", "job": str(job.pk)}


def test_canceling_a_waiting_job_does_not_bother_the_workers(alice):
    job = submit(alice)

    with listening(messages.WORKERS) as heard:
        jobs.cancel(job)

        assert heard.nothing()


# While Valkey is away ---------------------------------------------------------------------------


@pytest.mark.usefixtures("valkey_is_away")
def test_hints_that_cannot_be_given_are_let_go(alice):
    job = submit_and_claim(alice)

    messages.job_status(job)
    messages.ask_to_stop(job)
    messages.session_changed(alice)
    latest.note_watching(alice.pk)


@pytest.mark.usefixtures("valkey_is_away")
def test_nobody_is_known_to_watch_while_valkey_is_away(alice):
    assert latest.watched([alice.pk]) == frozenset()


@pytest.mark.usefixtures("valkey_is_away")
def test_a_snapshot_needs_the_rows_alone(alice):
    job = submit_and_claim(alice)

    (state,) = snapshot.user_state(alice)["jobs"]

    assert (state["job"], state["phase"]) == (str(job.pk), "")
    assert snapshot.job_state(job)["status"] == "running"
