"""All rows of a query in short queries: none is long, and memory stays constant."""

from collections.abc import Iterator
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

M = TypeVar("M", bound=Model)


def newest_first(rows: QuerySet[M], *, at_once: int, by: str = "created_at") -> Iterator[M]:
    """Rows by descending time `by`, then id. Each query is short if an index has that order."""
    rows = rows.order_by(f"-{by}", "-pk")
    page = list(rows[:at_once])
    while page:
        yield from page
        at, pk = getattr(page[-1], by), page[-1].pk
        older = Q(**{f"{by}__lt": at}) | Q(**{by: at, "pk__lt": pk})
        # The last condition is redundant, but lets PostgreSQL enter an index.
        page = list(rows.filter(older, **{f"{by}__lte": at})[:at_once])
