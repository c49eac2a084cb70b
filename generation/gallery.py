"""A person's pictures, newest first, a page at a time: as fast at the millionth as at the first."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generation import cursors
from generation.cursors import InvalidCursor
from generation.models import Image

if TYPE_CHECKING:
    from accounts.models import User

__all__ = ["PAGE", "InvalidCursor", "Page", "page"]

PAGE = 30


@dataclass(frozen=True)
class Page:
    """`older` is the cursor of the next page; None on the last."""

    images: list[Image]
    older: str | None


def page(user: "User", *, before: str = "") -> Page:
    """The pictures that are older than the cursor, or the newest. One query. Raises InvalidCursor."""
    images = Image.objects.for_user(user).kept().select_related("job")
    if before:
        images = images.filter(cursors.after(before, field="created_at"))
    found = list(images.order_by("-created_at", "-id")[: PAGE + 1])
    shown = found[:PAGE]
    older = cursors.write(shown[-1].created_at, shown[-1].pk) if len(found) > PAGE else None
    return Page(images=shown, older=older)
