"""Search of a user's images by words and filters, in constant time even with a million images.

A single filter is a walk through its own index. Words and combined filters are matched first against
the newest images of such a walk, then month by month in the index of `terms`. So neither a frequent
word nor a rare one costs more with more images.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import connection
from django.db.models import Q

from generation.gallery.filters import GalleryFilter
from generation.images import search_terms
from generation.models import Image, ImageQuerySet

if TYPE_CHECKING:
    from accounts.models import User

# An image's creation time and id, the sort key of all pages.
Cursor = tuple[datetime, UUID]

# Images matched on the walk before the search goes month by month.
WALK = 1_000
_COLUMNS = [field.column for field in Image._meta.concrete_fields if field.name != "terms"]


# The parts of `found` run in order and stop at the limit, so a frequent word is found on the walk. Within a
# month, `OFFSET 0` keeps the planner on the index of `terms`. The month stands there twice: alone it ends the
# scan with the month, and with the words it bounds the scan for two words that never occur together.
_SIFT = """
WITH question AS MATERIALIZED (
    SELECT plainto_tsquery('pg_catalog.english', %(english)s) && %(lexemes)s::tsquery AS asked
), walked AS MATERIALIZED (
    {walk}
), edge AS MATERIALIZED (
    SELECT id, created_at FROM walked OFFSET {walk_end}
), found AS (
    (SELECT id FROM walked, question WHERE numnode(asked) = 0 OR terms @@ asked)
    UNION ALL
    (SELECT further.id FROM edge, LATERAL generate_series(
        date_trunc('month', edge.created_at AT TIME ZONE 'UTC'),
        {last_month},
        interval '{month}'
    ) AS start, LATERAL (
        SELECT quote_literal(%(months)s || to_char(start, 'YYYYMM'))::tsquery AS month
    ) AS months, LATERAL (
        SELECT id FROM (
            SELECT id, user_id, created_at FROM generation_image
            WHERE deleted_at IS NULL
                AND terms @@ month AND terms @@ ((SELECT asked FROM question) && month)
            OFFSET 0
        ) AS in_month
        WHERE user_id = %(user)s AND created_at BETWEEN %(since)s AND %(until)s
            AND (created_at, id) {beyond} (edge.created_at, edge.id)
        ORDER BY created_at {order}, id {order} LIMIT {limit}
    ) AS further)
    LIMIT {limit}
)
SELECT {columns} FROM found JOIN generation_image AS image USING (id)
ORDER BY image.created_at {order}, image.id {order}
"""
_CHECKPOINTS = """
WITH RECURSIVE used AS (
    SELECT min(checkpoint) AS checkpoint FROM generation_image
    WHERE user_id = %(user)s AND deleted_at IS NULL
    UNION ALL
    SELECT (
        SELECT min(checkpoint) FROM generation_image
        WHERE user_id = %(user)s AND deleted_at IS NULL AND checkpoint > used.checkpoint
    ) FROM used WHERE checkpoint IS NOT NULL
)
SELECT checkpoint FROM used WHERE checkpoint IS NOT NULL
"""
_LAST_MONTH = """{extreme}(date_trunc('month', {day} AT TIME ZONE 'UTC'), (
            SELECT date_trunc('month', created_at AT TIME ZONE 'UTC') FROM generation_image
            WHERE user_id = %(user)s AND deleted_at IS NULL
            ORDER BY created_at {order}, id {order} LIMIT 1
        ))"""
_OLDER = {
    "beyond": "<",
    "order": "DESC",
    "month": "-1 month",
    "last_month": _LAST_MONTH.format(extreme="greatest", day="%(since)s", order="ASC"),
}
_NEWER = {
    "beyond": ">",
    "order": "ASC",
    "month": "1 month",
    "last_month": _LAST_MONTH.format(extreme="least", day="%(until)s", order="DESC"),
}


def checkpoints_of(user: "User") -> list[str]:
    """Checkpoints of the user's images. One query, a loose index scan."""
    with connection.cursor() as cursor:
        cursor.execute(_CHECKPOINTS, {"user": user.pk})
        return [id for (id,) in cursor.fetchall()]


def find(
    user: "User",
    filters: GalleryFilter,
    *,
    limit: int,
    beyond: Cursor | None = None,
    newer: bool = False,
) -> list[Image]:
    """The newest images older than `beyond`, or with `newer` the oldest images newer than it.

    One query.
    """
    walk = _walk(user, filters, beyond=beyond, newer=newer)
    if filters.is_one_walk:
        return list(walk[:limit])
    return list(_sift(user, filters, walk, newer=newer, limit=limit))


def _walk(
    user: "User", filters: GalleryFilter, *, beyond: Cursor | None, newer: bool
) -> ImageQuerySet:
    """Images that pass the most selective filter, in the order of its index."""
    images = Image.objects.for_user(user).kept().defer("terms")
    by = ("created_at", "id")
    if filters.board is not None:
        images = images.filter(hung__board=filters.board)
        by = ("hung__created_at", "hung__image_id")
    elif filters.favorite:
        images = images.filter(favourite=True)
    elif filters.checkpoint:
        images = images.filter(checkpoint=filters.checkpoint)
    elif filters.shape:
        images = images.filter(shape=filters.shape)
    images = images.filter(_between(by[0], filters), _past(by, beyond, newer=newer))
    return images.order_by(*by) if newer else images.order_by(*(f"-{name}" for name in by))


def _sift(
    user: "User", filters: GalleryFilter, walk: ImageQuerySet, *, newer: bool, limit: int
) -> Iterable[Image]:
    """Images of the walk that pass all filters, then matches month by month up to the limit."""
    start = walk.values("id", "created_at", "terms")[:WALK]
    walk_sql, walk_params = start.query.sql_with_params()
    english, _lexemes = search_terms.split_query(filters.words)
    named = {f"walk{index}": param for index, param in enumerate(walk_params)}
    sql = _SIFT.format(
        walk=walk_sql % tuple(f"%({name})s" for name in named),
        walk_end=WALK - 1,
        columns=", ".join(f"image.{column}" for column in _COLUMNS),
        limit=limit,
        **(_NEWER if newer else _OLDER),
    )
    params = {
        **named,
        "english": english,
        "lexemes": search_terms.conjunction(filters.lexemes),
        "user": user.pk,
        "months": search_terms.MONTHS.format(user_id=user.pk),
        "since": _start(filters.since or date.min),
        "until": _end(filters.until or date.max),
    }
    return Image.objects.raw(sql, params)


def _between(name: str, filters: GalleryFilter) -> Q:
    days = Q()
    if filters.since is not None:
        days &= Q((f"{name}__gte", _start(filters.since)))
    if filters.until is not None:
        days &= Q((f"{name}__lte", _end(filters.until)))
    return days


def _past(by: tuple[str, str], place: Cursor | None, *, newer: bool) -> Q:
    if place is None:
        return Q()
    (moment, id), (created_at, image_id) = by, place
    side = "gt" if newer else "lt"
    beside = Q((moment, created_at)) & Q((f"{id}__{side}", image_id))
    # The last condition is redundant, but gives the index its start.
    return (Q((f"{moment}__{side}", created_at)) | beside) & Q((f"{moment}__{side}e", created_at))


def _start(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _end(day: date) -> datetime:
    return datetime.combine(day, time.max, tzinfo=UTC)
