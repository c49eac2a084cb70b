"""What a person's jobs cost, day by day and one by one: to the millisecond and the credit what the ledger has.

A job counts on the day on which it ended, in UTC. That is the moment of its entries too (see `jobs`), so a
day's jobs sum to the day's captures. Nothing here reads further back than the days that are asked for.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Count, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from billing.models import Unit
from generation import cursors
from generation.models import Job, JobQuerySet

if TYPE_CHECKING:
    from accounts.models import User

# A leap year: what one asks for at a time.
MOST_DAYS = 366
DEFAULT_DAYS = 30
PAGE = 50
# In place of a key: what was asked for without one.
WEBSITE = "website"


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
class Only:
    """Which of a period's jobs. `key`: the id of an API key, or WEBSITE; what is empty restricts nothing."""

    checkpoint: str = ""
    key: str = ""


ALL = Only()


@dataclass(frozen=True)
class Day:
    """What one day's jobs cost, and how many there were."""

    day: date
    amount: int
    jobs: int


@dataclass(frozen=True)
class Spent:
    """All that was paid in one unit: milliseconds, or thousandths of a credit. Days without jobs are there, too."""

    unit: Unit
    days: tuple[Day, ...]

    @property
    def amount(self) -> int:
        return sum(day.amount for day in self.days)

    @property
    def jobs(self) -> int:
        return sum(day.jobs for day in self.days)

    @property
    def most(self) -> Day:
        """The day that cost most, the first of them."""
        return max(self.days, key=lambda day: day.amount)

    @property
    def per_day(self) -> int:
        return self.amount // len(self.days)

    @property
    def per_job(self) -> int:
        return self.amount // self.jobs if self.jobs else 0


@dataclass(frozen=True)
class Summary:
    """A period in both units. `checkpoints`: all that were used in it."""

    time: Spent
    credits: Spent
    checkpoints: tuple[str, ...]

    @property
    def shown(self) -> tuple[Spent, ...]:
        """The units that were paid in; GPU time where nothing was paid."""
        return tuple(spent for spent in (self.time, self.credits) if spent.jobs) or (self.time,)


@dataclass(frozen=True)
class Page:
    """`older` is the cursor of the next page; None on the last."""

    jobs: list[Job]
    older: str | None


def summary(user: "User", period: Period, only: Only = ALL) -> Summary:
    """Sums by day. One query."""
    groups = (
        _ended(user, period, key=only.key)
        .values("checkpoint", "unit", day=TruncDate("finished_at", tzinfo=UTC))
        .annotate(
            ms=Sum("charged_ms", default=0),
            credits=Sum("charged_credits", default=0),
            jobs=Count("pk"),
        )
        .order_by()
    )
    amounts: Counter[tuple[str, date]] = Counter()
    jobs: Counter[tuple[str, date]] = Counter()
    checkpoints = set()
    for group in groups:
        checkpoints.add(group["checkpoint"])
        if group["checkpoint"] == (only.checkpoint or group["checkpoint"]):
            unit, day = group["unit"], group["day"]
            amounts[unit, day] += int(group["credits" if unit == Unit.CREDITS else "ms"])
            jobs[unit, day] += group["jobs"]

    def spent(unit: Unit) -> Spent:
        return Spent(
            unit, tuple(Day(day, amounts[unit, day], jobs[unit, day]) for day in period.days)
        )

    return Summary(
        time=spent(Unit.GPU_MS),
        credits=spent(Unit.CREDITS),
        checkpoints=tuple(sorted(checkpoints)),
    )


def page(
    user: "User",
    period: Period,
    only: Only = ALL,
    *,
    before: str = "",
    size: int | None = None,
) -> Page:
    """The jobs that ended before the cursor, or the last ones, the latest first, with their keys. One query.

    Raises cursors.InvalidCursor.
    """
    jobs = _ended(user, period, key=only.key).defer("receipt").select_related("api_key")
    if only.checkpoint:
        jobs = jobs.filter(checkpoint=only.checkpoint)
    if before:
        jobs = jobs.filter(cursors.after(before, field="finished_at"))
    size = size or PAGE
    found = list(jobs.order_by("-finished_at", "-id")[: size + 1])
    shown = found[:size]
    return Page(jobs=shown, older=_cursor(shown[-1]) if len(found) > size else None)


def _ended(user: "User", period: Period, *, key: str) -> JobQuerySet:
    jobs = Job.objects.for_user(user).filter(
        finished_at__gte=period.starts_at, finished_at__lt=period.ends_at
    )
    if key == WEBSITE:
        return jobs.filter(api_key=None)
    return jobs.filter(api_key=UUID(key)) if key else jobs


def _cursor(job: Job) -> str:
    assert job.finished_at is not None, "the job has ended"
    return cursors.write(job.finished_at, job.pk)
