"""A person's pictures, newest first, a page at a time: as fast at the millionth as at the first."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Q

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
    return _page(found, lambda image: image.created_at)


def trash(user: "User", *, before: str = "") -> Page:
    """What was deleted, the latest first. One query. Raises InvalidCursor."""
    images = Image.objects.for_user(user).deleted().defer("terms")
    if before:
        deleted_at, image_id = _read(before)
        beside = Q(deleted_at=deleted_at, id__lt=image_id)
        images = images.filter(Q(deleted_at__lt=deleted_at) | beside, deleted_at__lte=deleted_at)
    found = list(images.order_by("-deleted_at", "-id")[: PAGE + 1])
    return _page(found, lambda image: image.deleted_at or image.created_at)


def neighbours(image: Image, wanted: Wanted = EVERYTHING) -> tuple[Image | None, Image | None]:
    """The next newer and the next older picture among those that are wanted. Two queries."""
    place = (image.created_at, image.pk)
    newer = search.find(image.user, wanted, beyond=place, newer=True, limit=1)
    older = search.find(image.user, wanted, beyond=place, limit=1)
    return next(iter(newer), None), next(iter(older), None)


def cursor(moment: datetime, image_id: UUID) -> str:
    """What leads to the page of all that comes after this place."""
    return f"{(moment - _EPOCH) // _MICROSECOND}-{image_id.hex}"


def _page(found: list[Image], moment_of: Callable[[Image], datetime]) -> Page:
    """The page of what was found for it: one picture more, if there are."""
    shown = found[:PAGE]
    last = shown[-1] if len(found) > PAGE else None
    return Page(images=shown, older=cursor(moment_of(last), last.pk) if last else None)


def _read(cursor: str) -> Place:
    microseconds, _, image_id = cursor.partition("-")
    try:
        return _EPOCH + int(microseconds) * _MICROSECOND, UUID(image_id)
    except (ValueError, OverflowError) as error:
        raise InvalidCursor(cursor) from error
