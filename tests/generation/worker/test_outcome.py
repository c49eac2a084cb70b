"""Outcomes are stored, with retries while a server is away."""

import numpy as np
import PIL.Image
import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError

from billing import ledger
from billing.models import Unit
from generation import jobs
from generation.engine.enums import Mode
from generation.engine.events import Canceled, Failed, Finished
from generation.engine.failures import FailureCode
from generation.images import storage
from generation.models import Image, Speed, Status, Upload
from generation.worker import outcome
from tests.generation.books import assert_books_balance
from tests.generation.carrying import CHARGED_MS, CHARGES, submit_and_claim

pytestmark = pytest.mark.django_db
DEVICE = "a device"


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch):
    monkeypatch.setattr(outcome, "RETRY_SECONDS", 0)


def finished(*colors):
    images = tuple(PIL.Image.new("RGB", (64, 64), color) for color in colors or ("teal",))
    return Finished(key="run", images=images, seeds=tuple(range(len(images))), charges=CHARGES)


def settle(job, end, **inputs):
    outcome.settle(job, end, inputs=inputs, device=DEVICE)
    job.refresh_from_db()


def test_a_finished_run_leaves_its_pictures_and_its_charge(alice):
    job = submit_and_claim(alice)

    settle(job, finished())

    assert (job.status, job.charged_ms) == (Status.SUCCEEDED, CHARGED_MS)
    assert default_storage.exists(Image.objects.get().file)
    assert_books_balance()


def test_what_a_run_took_is_learned_for_the_next_quote(alice):
    settle(submit_and_claim(alice), finished())

    assert Speed.objects.get().device == DEVICE


def test_a_canceled_run_is_charged_for_what_ran(alice):
    job = submit_and_claim(alice)

    settle(job, Canceled(key="run", charges=CHARGES[:3]))

    assert (job.status, job.charged_ms) == (Status.CANCELED, 34 + 550)
    assert_books_balance()


def test_a_failed_run_costs_nothing(alice):
    before = ledger.available(alice, Unit.GPU_MS)
    job = submit_and_claim(alice)

    settle(
        job,
        Failed(key="run", code=FailureCode.NAN, message="no picture", detail="", charges=CHARGES),
    )

    assert (job.status, job.error_code, job.charged_ms) == (Status.FAILED, "nan", 0)
    assert ledger.available(alice, Unit.GPU_MS) == before


def test_a_store_that_refuses_once_is_asked_again(alice, monkeypatch):
    save, refusals = storage.save, iter([storage.StorageRefused("full")])

    def save_at_last(*args, **kwargs):
        for refusal in refusals:
            raise refusal
        return save(*args, **kwargs)

    monkeypatch.setattr(storage, "save", save_at_last)
    job = submit_and_claim(alice)

    settle(job, finished())

    assert job.status == Status.SUCCEEDED


def test_without_a_stored_picture_nothing_is_charged(alice, monkeypatch):
    def refuse(*args, **kwargs):
        raise storage.StorageRefused("full")

    monkeypatch.setattr(storage, "save", refuse)
    job = submit_and_claim(alice)

    settle(job, finished())

    assert (job.status, job.error_code, job.charged_ms) == (Status.FAILED, "storage", 0)
    assert_books_balance()


def test_a_database_that_comes_back_is_waited_for(alice, monkeypatch):
    finish, outages = jobs.finish, iter([OperationalError("restarting")] * 3)

    def finish_at_last(*args, **kwargs):
        for outage in outages:
            raise outage
        finish(*args, **kwargs)

    monkeypatch.setattr(jobs, "finish", finish_at_last)
    monkeypatch.setattr(outcome, "close_old_connections", lambda: None)
    job = submit_and_claim(alice)

    settle(job, finished())

    assert job.status == Status.SUCCEEDED


def test_a_database_that_stays_away_is_given_up(alice, monkeypatch):
    def fail(*args, **kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr(jobs, "finish", fail)
    monkeypatch.setattr(outcome, "PATIENCE_SECONDS", -1)

    with pytest.raises(OperationalError):
        settle(submit_and_claim(alice), finished())


def test_a_job_that_was_taken_back_is_not_settled(alice):
    job = submit_and_claim(alice)
    jobs.hand_back(job)
    job.status = Status.RUNNING

    with pytest.raises(jobs.LostRace):
        outcome.settle(job, finished(), inputs={}, device=DEVICE)

    assert not Image.objects.exists()
    assert_books_balance()


def test_a_painted_picture_keeps_the_originals_pixels_outside_the_mask(alice):
    original = PIL.Image.new("RGB", (64, 64), "orange")
    mask = PIL.Image.new("L", (64, 64))
    mask.paste(255, (32, 0, 64, 64))
    for digest in ("a" * 64, "b" * 64):
        Upload.objects.create(user=alice, digest=digest, file="x.png", width=64, height=64, bytes=1)
    job = submit_and_claim(
        alice, mode=Mode.INPAINT, image="a" * 64, mask="b" * 64, num_inference_steps=100
    )

    settle(job, finished("teal"), image=original, mask=mask)

    with default_storage.open(Image.objects.get().file) as file:
        pixels = np.asarray(PIL.Image.open(file))
    assert np.array_equal(pixels[:, :32], np.asarray(original)[:, :32])
    assert tuple(pixels[32, 60]) == (0, 128, 128)
