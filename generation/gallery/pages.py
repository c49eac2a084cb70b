"""A person's pictures, newest first, a page at a time: as fast at the millionth as at the first."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from generation import cursors
from generation.gallery import search
from generation.gallery.filters import EVERYTHING, GalleryFilter
from generation.models import Image

if TYPE_CHECKING:
    from accounts.models import User

PAGE = 30


@dataclass(frozen=True)
class Page:
    """`older` is the cursor of the next page; None on the last."""

    images: list[Image]
    older: str | None


def page(user: "User", filters: GalleryFilter = EVERYTHING, *, before: str = "") -> Page:
    """The pictures that are older than the cursor, or the newest. One query. Raises InvalidCursor."""
    beyond = cursors.read(before) if before else None
    found = search.find(user, filters, beyond=beyond, limit=PAGE + 1)
    return _page(found, lambda image: image.created_at)


def trash(user: "User", *, before: str = "") -> Page:
    """What was deleted, the latest first. One query. Raises InvalidCursor."""
    images = Image.objects.for_user(user).deleted().defer("terms")
    if before:
        images = images.filter(cursors.after(before, field="deleted_at"))
    found = list(images.order_by("-deleted_at", "-id")[: PAGE + 1])
    return _page(found, lambda image: image.deleted_at or image.created_at)


def neighbors(
    image: Image, filters: GalleryFilter = EVERYTHING
) -> tuple[Image | None, Image | None]:
    """The next newer and the next older picture that pass the filters. Two queries."""
    place = (image.created_at, image.pk)
    newer = search.find(image.user, filters, beyond=place, newer=True, limit=1)
    older = search.find(image.user, filters, beyond=place, limit=1)
    return next(iter(newer), None), next(iter(older), None)


def _page(found: list[Image], moment_of: Callable[[Image], datetime]) -> Page:
    """The page of what was found for it: one picture more, if there are."""
    shown = found[:PAGE]
    last = shown[-1] if len(found) > PAGE else None
    return Page(images=shown, older=cursors.write(moment_of(last), last.pk) if last else None)
