"""A period's cost by day and by unit, to the millisecond and the credit as the ledger has it.

A job counts on the UTC day on which it ended. Its ledger entries bear the same moment, so a day's jobs
sum to the day's captures. Queries read no further back than the period.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date
from typing import TYPE_CHECKING

from django.db.models import Count, Sum
from django.db.models.functions import TruncDate

from billing.models import Unit
from generation.usage.filters import ALL, JobFilter, Period, jobs_ended

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True)
class Day:
    """One UTC day's cost and number of jobs."""

    day: date
    amount: int
    jobs: int


@dataclass(frozen=True)
class Spent:
    """Cost in one unit: milliseconds or thousandths of a credit. Includes days without jobs."""

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
        """The most expensive day; the earliest of equals."""
        return max(self.days, key=lambda day: day.amount)

    @property
    def per_day(self) -> int:
        return self.amount // len(self.days)

    @property
    def per_job(self) -> int:
        return self.amount // self.jobs if self.jobs else 0


@dataclass(frozen=True)
class Summary:
    """A period's cost in both units. `checkpoints` ignores the filter by checkpoint."""

    time: Spent
    credits: Spent
    checkpoints: tuple[str, ...]

    @property
    def shown(self) -> tuple[Spent, ...]:
        """Units with jobs; GPU time if no unit has any."""
        return tuple(spent for spent in (self.time, self.credits) if spent.jobs) or (self.time,)


def summary(user: "User", period: Period, filters: JobFilter = ALL) -> Summary:
    """Cost by day and unit. One query."""
    groups = (
        jobs_ended(user, period, key=filters.key)
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
        if group["checkpoint"] == (filters.checkpoint or group["checkpoint"]):
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
