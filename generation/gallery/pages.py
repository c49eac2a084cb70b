"""Pages of a user's images, newest first, by keyset: constant time at any depth."""

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
    """`older` is the cursor of the next page; None on the last page."""

    images: list[Image]
    older: str | None


def page(user: "User", filters: GalleryFilter = EVERYTHING, *, before: str = "") -> Page:
    """Images older than the cursor, or the newest. One query. Raises cursors.InvalidCursor."""
    beyond = cursors.read(before) if before else None
    found = search.find(user, filters, beyond=beyond, limit=PAGE + 1)
    return _page(found, lambda image: image.created_at)


def trash(user: "User", *, before: str = "") -> Page:
    """Deleted images, latest first. One query. Raises cursors.InvalidCursor."""
    images = Image.objects.for_user(user).deleted().defer("terms")
    if before:
        images = images.filter(cursors.after(before, field="deleted_at"))
    found = list(images.order_by("-deleted_at", "-id")[: PAGE + 1])
    return _page(found, lambda image: image.deleted_at or image.created_at)


def neighbors(
    image: Image, filters: GalleryFilter = EVERYTHING
) -> tuple[Image | None, Image | None]:
    """The next newer and the next older image that pass the filters. Two queries."""
    place = (image.created_at, image.pk)
    newer = search.find(image.user, filters, beyond=place, newer=True, limit=1)
    older = search.find(image.user, filters, beyond=place, limit=1)
    return next(iter(newer), None), next(iter(older), None)


def _page(found: list[Image], moment_of: Callable[[Image], datetime]) -> Page:
    """A page from up to PAGE + 1 found images; the extra one shows that more follow."""
    shown = found[:PAGE]
    last = shown[-1] if len(found) > PAGE else None
    return Page(images=shown, older=cursors.write(moment_of(last), last.pk) if last else None)
