"""Filters of usage: a period of whole days in UTC, a checkpoint, an API key."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils import timezone

from generation.models import Job, JobQuerySet

if TYPE_CHECKING:
    from accounts.models import User

# A leap year: the longest period of one request.
MOST_DAYS = 366
DEFAULT_DAYS = 30
# Stands for the website in place of a key's id.
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
        """Exclusive end of the period."""
        return datetime.combine(self.last, time.min, tzinfo=UTC) + timedelta(days=1)


@dataclass(frozen=True)
class JobFilter:
    """Filters of jobs; empty ones match all. `key` is the id of an API key, or WEBSITE."""

    checkpoint: str = ""
    key: str = ""


ALL = JobFilter()


def jobs_ended(user: "User", period: Period, *, key: str) -> JobQuerySet:
    jobs = Job.objects.for_user(user).filter(
        finished_at__gte=period.starts_at, finished_at__lt=period.ends_at
    )
    if key == WEBSITE:
        return jobs.filter(api_key=None)
    return jobs.filter(api_key=UUID(key)) if key else jobs
