"""Cursor pagination of the native API's lists, newest first."""

from typing import Annotated, Any

from django.utils.translation import gettext as _
from ninja.params import functions as P  # noqa: N812  # ninja's own short name

from generation import cursors
from generation.api import errors

MAX_LIMIT = 100
Cursor = Annotated[str, P.Query(max_length=100)]
Limit = Annotated[int, P.Query(ge=1, le=MAX_LIMIT)]


def page_of(rows: Any, cursor: str, limit: int) -> tuple[list[Any], str | None]:
    """Up to `limit` rows after the cursor, and the cursor of the next page, if any. Raises ApiError."""
    if cursor:
        try:
            rows = rows.filter(cursors.after(cursor, field="created_at"))
        except cursors.InvalidCursor as error:
            raise errors.invalid("cursor", _("This cursor is not one of ours.")) from error
    found = list(rows.order_by("-created_at", "-id")[: limit + 1])
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], cursors.write(last.created_at, last.pk)
