"""A worker claims only what its model store has, and nothing while it does not see the media store."""

import shutil
from types import SimpleNamespace

import pytest
from django.db import OperationalError

from accounts import bells
from generation import jobs, tasks
from generation.images import marker
from generation.models import Job, MediaMarker, Status
from generation.queue import heartbeats
from generation.worker import survey, worker
from generation.worker.survey import Survey
from tests.generation.carrying import submit
from tests.generation.installed import damage, put
from tests.generation.machine import Machine, wait_for_status
from tests.generation.rows import make_request
from tests.generation.workers import say
from tests.running import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quick")]


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch):
    monkeypatch.setattr(survey, "SURVEY_SECONDS", 0.05)


@pytest.fixture(autouse=True)
def root(settings, tmp_path):
    """The worker's model store, without any checkpoint but the bundled one."""
    settings.CHECKPOINTS_DIR = tmp_path / "checkpoints"
    settings.CHECKPOINTS_DIR.mkdir()
    return settings.CHECKPOINTS_DIR


@pytest.fixture(autouse=True)
def _marker():
    marker.write()


def looked():
    found = Survey()
    found.look()
    return found


# What it finds ----------------------------------------------------------------------------------


def test_it_finds_what_is_intact(root):
    put(root, "sd-1.5")
    damage(put(root, "sdxl-1.0"))

    assert looked().checkpoints == {"sketchbook", "sd-1.5"}


def test_nothing_may_be_claimed_before_the_first_look():
    assert Survey().usable == frozenset()


def test_nothing_may_be_claimed_without_the_marker():
    MediaMarker.objects.update(name="markers/of-another-site")

    found = looked()

    assert (found.sees_media, found.usable) == (False, frozenset())
    assert "sketchbook" in found.checkpoints


def test_findings_expire(monkeypatch):
    found = looked()
    assert found.usable

    monkeypatch.setattr(survey, "EXPIRY_SECONDS", 0)

    assert found.usable == frozenset()


# What the worker does ---------------------------------------------------------------------------


@pytest.fixture
def machine(alice):
    machine = Machine(survey=Survey())
    yield machine
    machine.end()


def surveyed(machine):
    return machine.worker._carrier._survey


def test_a_worker_that_does_not_see_the_pictures_claims_nothing(alice, machine):
    MediaMarker.objects.update(name="markers/of-another-site")
    wait_for(lambda: not surveyed(machine).sees_media)
    job = submit(alice)

    machine.ring()
    machine.wait_until_idle()
    assert Job.objects.get().status == Status.QUEUED

    marker.write()
    wait_for(lambda: surveyed(machine).usable)
    machine.ring()
    machine.wait_until_idle()
    assert wait_for_status(job, Status.SUCCEEDED)


def test_a_worker_rings_for_what_has_become_possible(alice, monkeypatch):
    MediaMarker.objects.update(name="markers/of-another-site")
    heard = []
    monkeypatch.setattr(jobs, "ring_for_waiting", lambda: heard.append(1))
    machine = Machine(survey=Survey())
    wait_for(lambda: not surveyed(machine).sees_media)
    assert heard == []

    marker.write()
    wait_for(lambda: heard)
    machine.end()

    assert heard == [1]


def test_a_job_for_a_checkpoint_that_is_elsewhere_is_left_to_others(alice, machine):
    wait_for(lambda: surveyed(machine).usable)
    job = submit(alice)
    Job.objects.filter(pk=job.pk).update(checkpoint="sd-1.5")

    machine.ring()
    machine.wait_until_idle()

    assert Job.objects.get().status == Status.QUEUED


@pytest.mark.parametrize(("passes", "rung"), [(0, [1]), (7, [8]), (8, [])])
def test_a_bell_for_another_worker_is_passed_on_but_not_for_ever(
    alice, machine, monkeypatch, passes, rung
):
    wait_for(lambda: surveyed(machine).usable)
    say("other:1", checkpoints=("sd-1.5",))
    job = submit(alice)
    Job.objects.filter(pk=job.pk).update(checkpoint="sd-1.5")
    heard = []
    monkeypatch.setattr(jobs, "ring", lambda *, passes: heard.append(passes))

    machine.worker.work(passes=passes)

    assert heard == rung


def test_a_passed_bell_reaches_the_task_with_its_count(monkeypatch):
    sent, worked = [], []
    monkeypatch.setattr(bells, "ring", lambda *words: sent.append(words))
    monkeypatch.setattr(
        tasks, "_worker", lambda: SimpleNamespace(work=lambda **o: worked.append(o))
    )

    jobs.ring(passes=3)
    jobs.ring()
    for _task, *arguments in sent:
        tasks.work(*arguments)

    assert sent == [("generation.work", "3"), ("generation.work",)]
    assert worked == [{"passes": 3}, {"passes": 0}]


def test_the_heartbeat_says_what_the_store_has(root, machine):
    put(root, "sd-1.5")

    def told():
        return [heartbeat.checkpoints for heartbeat in heartbeats.alive()]

    wait_for(lambda: told() == [("sd-1.5", "sketchbook")])
    assert [heartbeat.sees_media for heartbeat in heartbeats.alive()] == [True]


def test_a_checkpoint_that_was_removed_after_the_claim_sends_its_job_back(
    alice, root, machine, monkeypatch
):
    folder = put(root, "sd-1.5")
    machine.loader._root = root
    wait_for(lambda: "sd-1.5" in surveyed(machine).usable)
    really_claim = jobs.claim

    def claim_and_remove(**options):
        claimed = really_claim(**options)
        if claimed:
            shutil.rmtree(folder)
        return claimed

    monkeypatch.setattr(jobs, "claim", claim_and_remove)
    job = jobs.submit(alice, make_request(checkpoint="sd-1.5", width=512, height=512))

    machine.ring()
    machine.wait_until_idle()

    job.refresh_from_db()
    assert (job.status, job.attempt, job.lapses) == (Status.QUEUED, 1, 0)


def test_the_worker_of_a_process_looks_at_its_stores(monkeypatch):
    monkeypatch.setattr(worker, "_current", None)
    current = worker.current()

    wait_for(lambda: [each.checkpoints for each in heartbeats.alive()] == [("sketchbook",)])

    current.stop(grace=0)
    current.close()


def test_a_survey_survives_an_outage_of_postgresql(monkeypatch):
    failures = [OperationalError("away")] * 2
    really_visible = marker.is_visible

    def fail_first():
        if failures:
            raise failures.pop()
        return really_visible()

    monkeypatch.setattr(marker, "is_visible", fail_first)
    machine = Machine(survey=Survey())

    wait_for(lambda: surveyed(machine).usable)
    machine.end()

    assert failures == []
