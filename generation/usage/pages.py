"""Ended jobs with their cost, latest first, a page at a time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generation import cursors
from generation.models import Job
from generation.usage.filters import ALL, JobFilter, Period, jobs_ended

if TYPE_CHECKING:
    from accounts.models import User

PAGE = 50


@dataclass(frozen=True)
class Page:
    """`older` is the cursor of the next page; None on the last."""

    jobs: list[Job]
    older: str | None


def page(
    user: "User",
    period: Period,
    filters: JobFilter = ALL,
    *,
    before: str = "",
    size: int | None = None,
) -> Page:
    """Jobs that ended before the cursor, latest first, with their API keys. One query.

    Raises cursors.InvalidCursor.
    """
    jobs = jobs_ended(user, period, key=filters.key).defer("receipt").select_related("api_key")
    if filters.checkpoint:
        jobs = jobs.filter(checkpoint=filters.checkpoint)
    if before:
        jobs = jobs.filter(cursors.after(before, field="finished_at"))
    size = size or PAGE
    found = list(jobs.order_by("-finished_at", "-id")[: size + 1])
    shown = found[:size]
    return Page(jobs=shown, older=_cursor(shown[-1]) if len(found) > size else None)


def _cursor(job: Job) -> str:
    assert job.finished_at is not None, "the job has ended"
    return cursors.write(job.finished_at, job.pk)
