"""The only writer of `Job.status`: conditional moves between statuses, each with a row of its own.

A move updates the row where (status, attempt) are still as known, inside the caller's transaction
together with the job's money: the second of two writers changes nothing.
Locks are taken in one order, the wallet's row before the job's.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts import bells
from generation.jobs import saved_runs, webhook_outbox
from generation.live import messages
from generation.models import FINAL, MOVES, Job, Status, Transition
from generation.queue import counters


class LostRace(Exception):
    """Another process moved the job first. Nothing was written, and the caller has nothing left to do."""


def create(job: Job) -> None:
    """Insert a new job, with its first transition."""
    job.save(force_insert=True)
    Transition.objects.create(job=job, became=job.status, attempt=0)
    _announce(job)


def move(job: Job, became: Status, *, only: Q | None = None, note: str = "", **fields: Any) -> Job:
    """Change the status and `fields`; returns the job as it is now. Raises LostRace.

    `job` itself keeps its old values, so that the same verb can be called with it again after a rollback.
    """
    assert became in MOVES[Status(job.status)], f"{job.status} -> {became}"
    unchanged = Job.objects.filter(only or Q(), pk=job.pk, status=job.status, attempt=job.attempt)
    if not unchanged.update(status=became, **fields):
        raise LostRace
    moved = Job.objects.get(pk=job.pk)
    Transition.objects.create(
        job=moved, was=job.status, became=became, attempt=moved.attempt, note=note
    )
    if became in FINAL and moved.api_key_id:
        webhook_outbox.note_end(moved)
    _announce(moved)
    return moved


def end(job: Job, became: Status, *, at: datetime, **fields: Any) -> Job:
    """Move the job to a final status. Raises LostRace."""
    transaction.on_commit(lambda: saved_runs.forget(job.pk), robust=True)
    return move(job, became, finished_at=at, lease_expires_at=None, **fields)


def ring_on_commit() -> None:
    """Wake a worker once the transaction is committed."""
    transaction.on_commit(ring, robust=True)


def ring(*, passes: int = 0) -> None:
    """Wake a worker. A lost bell is harmless: beat rings for all queued jobs.

    `passes` is the number of workers that passed the bell on.
    """
    # Without an argument unless it is needed: workers of the release before take none.
    bells.ring("generation.work", *([str(passes)] if passes else []))


def _announce(job: Job) -> None:
    # On commit, so that browsers find the new row. If it fails, the row is right all the same.
    transaction.on_commit(lambda: messages.job_status(job), robust=True)
    transaction.on_commit(lambda: counters.note(job), robust=True)
