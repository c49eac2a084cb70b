"""A person's pictures, newest first, a page at a time: as fast at the millionth as at the first."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Q

from generation.models import Image

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


def page(user: "User", *, before: str = "") -> Page:
    """The pictures that are older than the cursor, or the newest. One query. Raises InvalidCursor."""
    images = Image.objects.for_user(user).kept().select_related("job")
    if before:
        created_at, image_id = _read(before)
        tie = Q(created_at=created_at, id__lt=image_id)
        images = images.filter(Q(created_at__lt=created_at) | tie, created_at__lte=created_at)
    found = list(images.order_by("-created_at", "-id")[: PAGE + 1])
    shown = found[:PAGE]
    return Page(images=shown, older=_cursor(shown[-1]) if len(found) > PAGE else None)


def _cursor(image: Image) -> str:
    return f"{(image.created_at - _EPOCH) // _MICROSECOND}-{image.pk.hex}"


def _read(cursor: str) -> tuple[datetime, UUID]:
    microseconds, _, image_id = cursor.partition("-")
    try:
        return _EPOCH + int(microseconds) * _MICROSECOND, UUID(image_id)
    except (ValueError, OverflowError) as error:
        raise InvalidCursor(cursor) from error
