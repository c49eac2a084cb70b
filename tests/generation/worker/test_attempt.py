"""The news of an attempt: what is billed so far, and what is free."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from generation.models import Job, Status
from generation.worker.attempt import Attempt
from tests.generation.rows import make_request

HOLD_MS = 4_700


@pytest.fixture
def attempt():
    """An attempt of a job that waited for 12 s."""
    now = timezone.now()
    request = make_request()
    job = Job(
        status=Status.RUNNING,
        request=request.to_dict(),
        checkpoint=request.checkpoint,
        hold_ms=HOLD_MS,
        queued_at=now - timedelta(seconds=12),
        started_at=now,
    )
    return Attempt(job, {})


@pytest.mark.parametrize(
    ("us", "shown_ms"), [(0, 0), (800_999, 800), (4_700_000, HOLD_MS), (33_700_000, HOLD_MS)]
)
def test_what_is_billed_so_far_is_never_above_the_ceiling(attempt, us, shown_ms):
    attempt.billed_us = us

    assert attempt.progress().billed_ms == shown_ms


def test_waiting_and_loading_are_free_and_nothing_else_is_counted(attempt, monkeypatch):
    clock = iter([100.0, 130.0, 150.0, 155.0]).__next__
    monkeypatch.setattr(time, "monotonic", clock)

    for phase in ("loading", "encoding", "loading", "denoising"):
        attempt.enter(phase)

    monkeypatch.undo()
    # 30 s for the model, 5 s for its refiner.
    assert attempt.progress().free_ms == 12_000 + 30_000 + 5_000
    assert attempt.progress().billed_ms == 0
