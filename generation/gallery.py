"""A person's pictures, newest first, a page at a time: as fast at the millionth as at the first."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from generation import search
from generation.models import Image
from generation.search import EVERYTHING, Place, Wanted

if TYPE_CHECKING:
    from accounts.models import User

PAGE = 30
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class InvalidCursor(ValueError):
    """The cursor was not made by `page`."""


@dataclass(frozen=True)
class Page:
    """`older` is the cursor of the next page; None on the last."""

    images: list[Image]
    older: str | None


def page(user: "User", wanted: Wanted = EVERYTHING, *, before: str = "") -> Page:
    """The pictures that are older than the cursor, or the newest. One query. Raises InvalidCursor."""
    beyond = _read(before) if before else None
    found = search.find(user, wanted, beyond=beyond, limit=PAGE + 1)
    shown = found[:PAGE]
    return Page(images=shown, older=_cursor(shown[-1]) if len(found) > PAGE else None)


def neighbours(image: Image, wanted: Wanted = EVERYTHING) -> tuple[Image | None, Image | None]:
    """The next newer and the next older picture among those that are wanted. Two queries."""
    place = (image.created_at, image.pk)
    newer = search.find(image.user, wanted, beyond=place, newer=True, limit=1)
    older = search.find(image.user, wanted, beyond=place, limit=1)
    return next(iter(newer), None), next(iter(older), None)


def _cursor(image: Image) -> str:
    return f"{(image.created_at - _EPOCH) // _MICROSECOND}-{image.pk.hex}"


def _read(cursor: str) -> Place:
    microseconds, _, image_id = cursor.partition("-")
    try:
        return _EPOCH + int(microseconds) * _MICROSECOND, UUID(image_id)
    except (ValueError, OverflowError) as error:
        raise InvalidCursor(cursor) from error
