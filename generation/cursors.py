"""Cursors for lists ordered by a timestamp and an id, as text for a link."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Q

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class InvalidCursor(ValueError):
    """The text does not come from `write`."""


def write(at: datetime, id: UUID) -> str:
    return f"{(at - _EPOCH) // _MICROSECOND}-{id.hex}"


def after(cursor: str, *, field: str) -> Q:
    """The rows after the cursor, newest `field` first, then by descending id. Raises InvalidCursor."""
    at, id = read(cursor)
    tie = Q(**{field: at, "id__lt": id})
    # The last condition is redundant, but lets PostgreSQL enter an index.
    return Q(Q(**{f"{field}__lt": at}) | tie, **{f"{field}__lte": at})


def read(cursor: str) -> tuple[datetime, UUID]:
    """Raises InvalidCursor."""
    microseconds, _, id = cursor.partition("-")
    try:
        return _EPOCH + int(microseconds) * _MICROSECOND, UUID(id)
    except (ValueError, OverflowError) as error:
        raise InvalidCursor(cursor) from error
