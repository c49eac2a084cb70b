"""CSV export of usage: one line a job, with the amount that the ledger took."""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from django.conf import settings

from generation.models import Job
from generation.usage import pages
from generation.usage.filters import ALL, JobFilter, Period

if TYPE_CHECKING:
    from accounts.models import User

PAGE = 500
COLUMNS = (
    "ended_at",
    "job",
    "status",
    "prompt",
    "checkpoint",
    "width",
    "height",
    "steps",
    "pictures",
    "api_key",
    "charged_ms",
    "charged_credits",
    "receipt",
)
# Without it, spreadsheets read UTF-8 as a local encoding.
BYTE_ORDER_MARK = "\ufeff"
# Spreadsheets run cells that begin so as formulas; some accept the full-width forms.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def pieces(user: "User", period: Period, filters: JobFilter = ALL) -> Iterator[str]:
    """The file in pieces of one query each, latest job first. Holds no cursor between pieces."""
    yield BYTE_ORDER_MARK + _lines([COLUMNS])
    older: str | None = ""
    while older is not None:
        page = pages.page(user, period, filters, before=older, size=PAGE)
        older = page.older
        yield _lines(_row(job) for job in page.jobs)


def _row(job: Job) -> tuple[object, ...]:
    assert job.finished_at is not None, "the job has ended"
    # The raw request: its checkpoint may no longer be in the catalogue.
    request = job.request
    return (
        job.finished_at.isoformat(timespec="milliseconds"),
        job.pk,
        job.status,
        _text(request["prompt"]),
        job.checkpoint,
        request["width"],
        request["height"],
        request["num_inference_steps"],
        0 if request.get("draft_steps") else request.get("num_images", 1),
        _text(str(job.api_key)) if job.api_key else "",
        job.charged_ms,
        f"{(job.charged_credits or 0) / 1_000:.3f}",
        urljoin(settings.SITE_URL, job.get_absolute_url()),
    )


def _text(words: str) -> str:
    return f"'{words}" if words.startswith(FORMULA) else words


def _lines(rows: Iterable[Iterable[object]]) -> str:
    buffer = StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()
