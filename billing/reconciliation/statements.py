"""Comparisons that are one SQL statement each, so that both sides are of one moment."""

from collections.abc import Iterator

from django.db import connection


def name_rows(statement: str, sentence: str, *, common: str = "") -> Iterator[str]:
    """The sentence about each row that the statement finds, filled in with the row's columns.

    `common` is the WITH clause that several statements begin with.
    """
    with connection.cursor() as cursor:
        cursor.execute(common + statement)
        columns = [column.name for column in cursor.description or ()]
        for row in cursor.fetchall():
            yield sentence.format(**dict(zip(columns, row, strict=True)))
