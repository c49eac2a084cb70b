"""Jobs wait for a worker whose model store has their checkpoints, and pages say when none has."""

import pytest

from generation import jobs
from generation.live import snapshot
from generation.models import Job
from generation.queue import forecast, heartbeats, stores
from generation.queue.wait_reason import WaitReason
from tests.generation.carrying import finish, submit
from tests.generation.workers import say

pytestmark = pytest.mark.django_db


def claim(*store):
    return jobs.claim(worker="machine:1", store=store)


def submit_for(user, checkpoint, **request):
    """A queued job for a checkpoint that need not be here."""
    job = submit(user)
    changed = {**job.request, "checkpoint": checkpoint, **request}
    Job.objects.filter(pk=job.pk).update(checkpoint=checkpoint, request=changed)
    return Job.objects.get(pk=job.pk)


def reason_of(job):
    (waiting,) = [each for each in forecast.look().waiting if each.job == job]
    return waiting.reason


# Ranks ------------------------------------------------------------------------------------------


def test_a_job_that_no_worker_can_run_lets_nobody_pass(alice, bob, charlie):
    Job.objects.filter(pk=submit_for(alice, "sd-1.5").pk).update(queued_at="2026-01-01T00:00Z")
    say(checkpoints=("sketchbook",))
    _run(6 * [bob])

    last_of_bob = [submit(bob) for _ in range(4)]
    for _ in range(4):
        submit(charlie)

    owners = [_run_next() for _ in range(4)]
    assert sorted(owners, key=str) == sorted([bob, bob, charlie, charlie], key=str), last_of_bob


def test_ranks_go_on_where_they_stood_if_only_such_jobs_are_queued(alice, bob):
    Job.objects.filter(pk=submit_for(alice, "sd-1.5").pk).update(queued_at="2026-01-01T00:00Z")
    say(checkpoints=("sketchbook",))
    _run(3 * [bob])
    end = max(Job.objects.values_list("rank_end", flat=True))

    assert submit(bob).rank == end


def _run(owners):
    for owner in owners:
        submit(owner)
        _run_next()


def _run_next():
    job = claim("sketchbook")
    finish(job)
    return job.user


# Bells ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "is_wanted"),
    [
        ({"checkpoints": ("sd-1.5",)}, True),
        ({"checkpoints": None}, True),
        ({"checkpoints": ("sketchbook",)}, False),
        ({"checkpoints": ("sd-1.5",), "is_stopping": True}, False),
        ({"checkpoints": ("sd-1.5",), "slots": 0}, False),
        ({"checkpoints": ("sd-1.5",), "sees_media": False}, False),
    ],
)
def test_a_job_is_wanted_elsewhere_if_a_free_worker_has_its_checkpoint(alice, other, is_wanted):
    submit_for(alice, "sd-1.5")
    say("machine:1", checkpoints=("sketchbook",))
    say("machine:2", **other)

    assert stores.wanted_elsewhere({"sketchbook"}, worker="machine:1") == is_wanted


def test_what_the_worker_can_run_itself_is_not_wanted_elsewhere(alice):
    submit(alice)
    say("machine:2", checkpoints=("sketchbook",))

    assert not stores.wanted_elsewhere({"sketchbook"}, worker="machine:1")


# Claiming ---------------------------------------------------------------------------------------


def test_a_worker_claims_only_what_its_store_has(alice, bob):
    elsewhere, here = submit_for(alice, "sd-1.5"), submit(bob)

    assert claim("sketchbook") == here
    assert claim("sketchbook") is None
    assert claim("sd-1.5", "sketchbook") == elsewhere


def test_a_warm_checkpoint_that_left_the_store_is_not_claimed(alice):
    submit(alice)

    assert jobs.claim(worker="machine:1", warm={"sketchbook"}, store={"sd-1.5"}) is None


def test_a_relaxed_job_that_waited_for_long_needs_its_checkpoint_too(alice, monkeypatch):
    job = submit(alice)
    Job.objects.filter(pk=job.pk).update(is_relaxed=True, queued_at="2026-01-01T00:00Z")

    assert claim("sd-1.5") is None
    assert claim("sketchbook") == job


@pytest.mark.parametrize("share", [{}, {"refiner_share": 0}, {"refiner_share": 0.0}])
def test_without_the_refiner_only_unrefined_jobs_are_claimed(alice, bob, share):
    refined = submit_for(alice, "sdxl-1.0", refiner_share=0.2)
    unrefined = submit_for(bob, "sdxl-1.0")
    request = {name: value for name, value in unrefined.request.items() if name != "refiner_share"}
    Job.objects.filter(pk=unrefined.pk).update(request={**request, **share})

    assert claim("sdxl-1.0") == unrefined
    assert claim("sdxl-1.0") is None
    assert claim("sdxl-1.0", "sdxl-1.0-refiner") == refined


def test_a_job_needs_its_checkpoint_and_its_refiner():
    job = Job(checkpoint="sdxl-1.0", request={"refiner_share": 0.2})
    plain = Job(checkpoint="sdxl-1.0", request={})

    assert stores.needs(job) == {"sdxl-1.0", "sdxl-1.0-refiner"}
    assert stores.needs(plain) == {"sdxl-1.0"}


# Saying so --------------------------------------------------------------------------------------


def test_a_job_whose_checkpoint_no_worker_has_says_so(alice, client):
    job = submit_for(alice, "sd-1.5", width=512, height=512)
    say("machine:1", checkpoints=("sketchbook",))
    client.force_login(alice)

    assert reason_of(job) == WaitReason.NO_MODEL
    assert snapshot.job_state(job)["waits"] == WaitReason.NO_MODEL
    assert snapshot.user_state(alice)["jobs"][0]["waits"] == WaitReason.NO_MODEL
    assert "No worker has its model" in client.get(job.get_absolute_url()).content.decode()


def test_one_worker_that_has_it_suffices(alice):
    job = submit_for(alice, "sd-1.5")
    say("machine:1", checkpoints=("sketchbook",))

    say("machine:2", checkpoints=("sd-1.5",))

    assert reason_of(job) == WaitReason.NEXT
    assert snapshot.job_state(job)["waits"] == WaitReason.COLD


def test_a_worker_of_the_release_before_may_have_everything(alice):
    job = submit_for(alice, "sd-1.5")
    say("machine:1")

    assert reason_of(job) == WaitReason.NEXT


def test_without_a_worker_no_model_is_said_to_be_missing(alice):
    job = submit_for(alice, "sd-1.5")

    assert reason_of(job) == WaitReason.NO_WORKER
    assert snapshot.job_state(job)["waits"] == WaitReason.COLD


def test_a_job_that_nobody_can_run_comes_last(alice, bob):
    stuck, other = submit_for(alice, "sd-1.5"), submit(bob)
    say("machine:1", slots=1, checkpoints=("sketchbook",))

    assert [each.job for each in forecast.look().waiting] == [other, stuck]


def test_pages_work_while_valkey_is_away(alice, monkeypatch):
    def fail():
        raise heartbeats.redis.ConnectionError("away")

    monkeypatch.setattr(heartbeats, "alive", fail)
    job = submit(alice)

    assert snapshot.job_state(job)["waits"] != WaitReason.NO_MODEL


def test_the_studio_says_which_model_no_worker_has(alice, client):
    client.force_login(alice)
    say("machine:1", checkpoints=("sd-1.5",))

    assert "data-unserved" in client.get("/studio/").content.decode()

    say("machine:2", checkpoints=("sketchbook",))
    assert "data-unserved" not in client.get("/studio/").content.decode()


def test_the_queue_page_says_what_a_worker_has_and_why_it_takes_nothing(root, alice, client):
    job = submit_for(alice, "sd-1.5")
    say("machine:1", checkpoints=("a-model-of-its-own",), sees_media=False)

    page = client.get("/admin/queue/").content.decode()

    assert "a-model-of-its-own" in page
    assert "Does not see the site’s pictures" in page
    assert reason_of(job) == WaitReason.NO_WORKER


def test_a_worker_that_does_not_see_the_pictures_has_no_free_slot():
    heartbeat = say("machine:1", sees_media=False)

    assert (heartbeat.free_slots, heartbeat.is_idle) == (0, False)
