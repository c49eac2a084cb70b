"""What a person's jobs took, day by day and one by one: to the millisecond what the ledger has.

A job counts on the day on which it ended, in UTC. That is the moment of its entries too (see `jobs`), so a
day's jobs sum to the day's captures. Nothing here reads further back than the days that are asked for.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from generation import cursors
from generation.models import Job, JobQuerySet

if TYPE_CHECKING:
    from accounts.models import User

# A leap year: what one asks for at a time.
MOST_DAYS = 366
DEFAULT_DAYS = 30
PAGE = 50


@dataclass(frozen=True)
class Period:
    """Whole days in UTC, the first and the last included."""

    first: date
    last: date

    @classmethod
    def until_today(cls, *, days: int) -> "Period":
        return cls.ending(timezone.now().astimezone(UTC).date(), days=days)

    @classmethod
    def ending(cls, last: date, *, days: int) -> "Period":
        return cls(last - timedelta(days=days - 1), last)

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range(len(self))]

    @property
    def starts_at(self) -> datetime:
        return datetime.combine(self.first, time.min, tzinfo=UTC)

    @property
    def ends_at(self) -> datetime:
        """The first moment that is too late."""
        return datetime.combine(self.last, time.min, tzinfo=UTC) + timedelta(days=1)


@dataclass(frozen=True)
class Day:
    """What one day's jobs took, and how many there were."""

    day: date
    ms: int
    jobs: int


@dataclass(frozen=True)
class Summary:
    """Every day of a period, also the empty ones, oldest first. `checkpoints`: all that were used in it."""

    days: tuple[Day, ...]
    checkpoints: tuple[str, ...]

    @property
    def ms(self) -> int:
        return sum(day.ms for day in self.days)

    @property
    def jobs(self) -> int:
        return sum(day.jobs for day in self.days)

    @property
    def most(self) -> Day:
        """The day that took most, the first of them."""
        return max(self.days, key=lambda day: day.ms)

    @property
    def ms_per_day(self) -> int:
        return self.ms // len(self.days)

    @property
    def ms_per_job(self) -> int:
        return self.ms // self.jobs if self.jobs else 0


@dataclass(frozen=True)
class Page:
    """`older` is the cursor of the next page; None on the last."""

    jobs: list[Job]
    older: str | None


def summary(user: "User", period: Period, *, checkpoint: str = "") -> Summary:
    """Sums by day, of all checkpoints or of one. One query."""
    by_day = TruncDate("finished_at", tzinfo=UTC)
    groups = (
        _ended(user, period)
        .values("checkpoint", day=by_day)
        .annotate(ms=Sum("charged_ms", default=0), jobs=Count("pk"))
        .order_by()
    )
    ms: Counter[date] = Counter()
    jobs: Counter[date] = Counter()
    checkpoints = set()
    for group in groups:
        checkpoints.add(group["checkpoint"])
        if group["checkpoint"] == (checkpoint or group["checkpoint"]):
            ms[group["day"]] += int(group["ms"])
            jobs[group["day"]] += group["jobs"]
    days = tuple(Day(day, ms[day], jobs[day]) for day in period.days)
    return Summary(days=days, checkpoints=tuple(sorted(checkpoints)))


def page(
    user: "User",
    period: Period,
    *,
    checkpoint: str = "",
    before: str = "",
    size: int | None = None,
) -> Page:
    """The jobs that ended before the cursor, or the last ones, the latest first. One query.

    Raises cursors.InvalidCursor.
    """
    jobs = _ended(user, period).defer("receipt")
    if checkpoint:
        jobs = jobs.filter(checkpoint=checkpoint)
    if before:
        jobs = jobs.filter(cursors.after(before, field="finished_at"))
    size = size or PAGE
    found = list(jobs.order_by("-finished_at", "-id")[: size + 1])
    shown = found[:size]
    return Page(jobs=shown, older=_cursor(shown[-1]) if len(found) > size else None)


def _ended(user: "User", period: Period) -> JobQuerySet:
    return Job.objects.for_user(user).filter(
        finished_at__gte=period.starts_at, finished_at__lt=period.ends_at
    )


def _cursor(job: Job) -> str:
    assert job.finished_at is not None, "the job has ended"
    return cursors.write(job.finished_at, job.pk)
