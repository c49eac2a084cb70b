"""Parked jobs: they wait for minutes without a hold, and start by themselves once there are enough."""

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from billing import ledger, plans
from billing.models import Unit
from billing.plans import WhenEmpty
from generation.jobs import admission, placement, transitions
from generation.jobs.admission import TooManyJobs
from generation.jobs.transitions import LostRace
from generation.models import Job, Status

if TYPE_CHECKING:
    from accounts.models import User

# The reasons to leave a job parked; the balance's next rise tries it again.
STAYS_PARKED = (ledger.InsufficientBalance, plans.PaymentOverdue, TooManyJobs, LostRace)


def unpark(job: Job) -> Job:
    """Hold a parked job's price and queue it, on the terms of today's plan.

    On an error the job stays parked. Raises plans.PaymentOverdue, TooManyJobs, LostRace or, unless the
    plan continues without minutes, ledger.InsufficientBalance.
    """
    plan = plans.require_plan(job.user)
    with transaction.atomic():
        ledger.lock(job.user, Unit(job.unit))
        shortage = placement.hold(job, plan, may_wait=plan.when_empty == WhenEmpty.RELAX)
        admission.require_room_in_line(job.user, plan)
        place = placement.place(job, plan, is_relaxed=shortage is not None)
        moved = transitions.move(
            job, Status.QUEUED, plan=plan.id, queued_at=timezone.now(), **place
        )
        transitions.ring_on_commit()
    return moved


def start(user: "User") -> int:
    """Queue the user's parked jobs that the minutes suffice for, oldest first; returns their number.

    Safe to call at any time, any number of times.
    """
    started = 0
    for job in Job.objects.for_user(user).parked().order_by("created_at", "id"):
        try:
            unpark(job)
        except STAYS_PARKED:
            continue
        started += 1
    return started


def start_once_committed(user_id: int) -> None:
    """Call `start` after the present transaction. If that call is lost, beat finds the jobs."""
    transaction.on_commit(lambda: _start_any(user_id), robust=True)


def start_everybodys() -> int:
    """Call `start` for each user with parked jobs, in case a rise of a balance went unnoticed."""
    users = get_user_model().objects.filter(jobs__status=Status.PARKED).distinct()
    return sum(start(user) for user in users)


def _start_any(user_id: int) -> None:
    # Nearly always the user has no parked jobs, and this check reads one small index.
    if Job.objects.parked().filter(user=user_id).exists():
        start(get_user_model().objects.get(pk=user_id))
