"""Which queued job goes next: start-time fair queueing (Goyal, Vin and Cheng, 1996).

Every job takes a stretch of a virtual clock, as long as its cost over its user's weight. It begins where
the user's job before it ends, or now, whichever is later; who begins first goes first. So users of one
weight take turns however many jobs each has in line, a weight of 2 gets twice the share, and since the
clock only moves on, everybody's turn comes. Now is where the first job begins that has not ended.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Count, F, IntegerField, Max, Min, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from generation.models import Job, JobQuerySet, Status

if TYPE_CHECKING:
    from accounts.models import User

# Divides by every plan's weight, so that the clock needs whole numbers only.
TICKS_PER_MS = 12
# How long a job may be passed over because another's checkpoint is in memory already.
PATIENCE = timedelta(seconds=20)
# How the line is ordered, as far as everybody may be claimed.
ORDER = ("rank", "created_at")
# One claim at a time, whatever the number of workers: two at once could exceed a user's `jobs_at_once`.
CLAIM_LOCK = 7_301


@dataclass(frozen=True)
class Place:
    """A stretch of the virtual clock."""

    rank: int
    rank_end: int


def place(user: "User", *, cost_ms: int, weight: int) -> Place:
    """Where a new job of `user` stands in line. The caller holds the user's wallet's lock."""
    rank = max(_now(), _end_of_last(user))
    return Place(rank=rank, rank_end=rank + max(1, cost_ms * TICKS_PER_MS // weight))


def next_in_line(*, warm: Collection[str] = ()) -> Job | None:
    """The job to claim now, its row locked; None if nobody may go. Call it inside a transaction.

    Prefers a checkpoint that is `warm`, unless the first in line has waited for longer than PATIENCE.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLAIM_LOCK])
    first = _first(_claimable())
    if first is None or first.checkpoint in warm or first.queued_at < timezone.now() - PATIENCE:
        return first
    return _first(_claimable().filter(checkpoint__in=warm)) or first


def with_position(jobs: JobQuerySet) -> JobQuerySet:
    """Annotates `position`: 1 for the queued job that goes next, as far as ranks tell."""
    ahead = Job.objects.queued().filter(rank__lt=OuterRef("rank")).order_by()
    return jobs.annotate(position=_count(ahead.values("status")) + 1)


def _end_of_last(user: "User") -> int:
    # Also of one that has ended: or who asks again and again would always be put before those in line.
    # What was canceled in line has never taken its stretch.
    jobs = Job.objects.for_user(user).exclude(status=Status.CANCELED, attempt=0)
    last = jobs.order_by("-created_at", "-id").values_list("rank_end", flat=True).first()
    return last or 0


def _now() -> int:
    # Two aggregates, each the end of an index; the second only where nobody is in line.
    first: int | None = Job.objects.active().aggregate(first=Min("rank"))["first"]
    if first is not None:
        return first
    return Job.objects.aggregate(last=Max("rank_end"))["last"] or 0


def _claimable() -> JobQuerySet:
    beside = Job.objects.running().filter(user=OuterRef("user")).order_by().values("user")
    jobs = Job.objects.queued().annotate(beside=_count(beside))
    return jobs.filter(beside__lt=F("jobs_at_once"))


def _count(grouped: "QuerySet[Job, Any]") -> Coalesce:
    return Coalesce(
        Subquery(grouped.annotate(n=Count("pk")).values("n")), 0, output_field=IntegerField()
    )


def _first(jobs: JobQuerySet) -> Job | None:
    # A row that is locked is being canceled, or its user is: it is left to whoever does that.
    locked = jobs.select_for_update(skip_locked=True, of=("self",))
    return locked.order_by(*ORDER).first()
