"""Parked jobs wait for minutes, hold nothing, and start by themselves as soon as there are any."""

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import transaction

from billing import ledger, plans
from generation import jobs
from generation.models import Job, Status

if TYPE_CHECKING:
    from accounts.models import User

# Why a job stays where it is; the balance's next rise tries it again.
STAYS = (ledger.InsufficientBalance, plans.PaymentOverdue, jobs.TooManyJobs, jobs.LostRace)


def start(user: "User") -> int:
    """Put in line what the user's minutes suffice for now, the oldest first; returns how many.

    Safe to call at any time, any number of times.
    """
    started = 0
    for job in Job.objects.for_user(user).parked().order_by("created_at", "id"):
        try:
            jobs.put_in_line(job)
        except STAYS:
            continue
        started += 1
    return started


def start_once_committed(user_id: int) -> None:
    """Call `start` when the present transaction is over. If that is lost, beat finds the jobs all the same."""
    transaction.on_commit(lambda: _start_any(user_id), robust=True)


def start_everybodys() -> int:
    """As `start` for each user who has something parked: for when nobody was told that a balance rose."""
    users = get_user_model().objects.filter(jobs__status=Status.PARKED).distinct()
    return sum(start(user) for user in users)


def _start_any(user_id: int) -> None:
    # Nearly always there are none, and this is one look into a small index.
    if Job.objects.parked().filter(user=user_id).exists():
        start(get_user_model().objects.get(pk=user_id))
