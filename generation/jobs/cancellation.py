"""Cancellation by the owner: waiting jobs end at once, running ones at their next step."""

from typing import TYPE_CHECKING

from django.db import transaction

from generation.jobs import ending, saved_runs
from generation.jobs.transitions import LostRace
from generation.live import messages
from generation.models import Job, Status, receipts

if TYPE_CHECKING:
    from accounts.models import User

# A job may be claimed or requeued between two lookups, but hardly three times in a row.
TRIES = 3


def cancel(job: Job) -> None:
    """End a waiting job, or ask the worker of a running one to stop it at its next step.

    A job that has ended stays as it is. Safe to call twice.
    """
    for _try in range(TRIES):
        if waiting := Job.objects.waiting().filter(pk=job.pk).first():
            try:
                return _cancel_waiting(waiting)
            except LostRace:
                # It was claimed, or left parking, a moment ago.
                continue
        if Job.objects.running().filter(pk=job.pk).update(cancel_requested=True):
            return messages.ask_to_stop(job)
    return None


def cancel_all(user: "User") -> None:
    """Cancel the user's queued and running jobs, because the account was closed. Safe to call twice."""
    for job in Job.objects.for_user(user).active():
        cancel(job)


def cancel_of_closed() -> None:
    """Cancel the jobs of closed accounts that `cancel_all` missed, or that came a moment after it."""
    for job in Job.objects.active().filter(user__is_active=False, cancel_requested=False):
        cancel(job)


def _cancel_waiting(job: Job) -> None:
    """End it. A paused job pays for the steps that it has made, as a running one does."""
    if job.is_paused and (charges := saved_runs.charges_of(job)):
        ending.stop(job, charges)
        return
    with transaction.atomic():
        ending.release(job, Status.CANCELED, receipts.free(()))
