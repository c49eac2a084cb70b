"""Lexemes of `Image.terms`: the prompt's words, the month and each filter of the gallery.

PostgreSQL stems English words. Chinese has no spaces, so each character and each pair of neighbors is
a lexeme. All other lexemes start with "=", which no word does.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchVectorField
from django.db.models import F, Func, TextField, Value
from django.db.models.expressions import Combinable, CombinedExpression

from generation.models import Image, Shape

FAVORITE = "=favourite"
# Prefix of a user's months; `search` appends year and month in SQL.
MONTHS = "=month:{user_id}:"
# Scripts without spaces: Han and kana.
_RUN = re.compile("[\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


class _Words(Func):
    template = "strip(to_tsvector('pg_catalog.english', %(expressions)s))"
    output_field = SearchVectorField()


class _Lexemes(Func):
    function = "array_to_tsvector"
    output_field = SearchVectorField()


class _Without(Func):
    function = "ts_delete"
    output_field = SearchVectorField()


def of_image(image: Image) -> CombinedExpression:
    """The value of `terms` for a new image, which is on no board."""
    words, lexemes = split(image.prompt)
    lexemes |= {
        month(image.user_id, image.created_at),
        checkpoint(image.checkpoint),
        shape(Shape.of(image.width, image.height)),
    }
    return _joined(_Words(Value(words)), sorted(lexemes))


def with_term(term: str) -> CombinedExpression:
    """`terms` with this lexeme. Safe to apply twice."""
    return _joined(F("terms"), [term])


def without_term(term: str) -> Func:
    """`terms` without this lexeme. Safe to apply twice."""
    return _Without(F("terms"), Value(term, output_field=TextField()))


def month(user_id: int, moment: datetime) -> str:
    """Lexeme of a user's month, for searches month by month."""
    return f"{MONTHS.format(user_id=user_id)}{moment.astimezone(UTC):%Y%m}"


def checkpoint(id: str) -> str:
    return f"=checkpoint:{id}"


def shape(name: str) -> str:
    return f"=shape:{name}"


def board(id: int) -> str:
    return f"=board:{id}"


def split(text: str) -> tuple[str, set[str]]:
    """The part of a text that PostgreSQL can parse, and lexemes for the rest."""
    text = _plain(text)
    runs = _RUN.findall(text)
    characters = {character for run in runs for character in run}
    return _RUN.sub(" ", text), characters.union(*map(_pairs, runs))


def split_query(text: str) -> tuple[str, set[str]]:
    """Like `split`, for a query: pairs suffice, except for single characters."""
    text = _plain(text)
    runs = _RUN.findall(text)
    return _RUN.sub(" ", text), set().union(*(_pairs(run) or {run} for run in runs))


def conjunction(lexemes: Iterable[str]) -> str:
    """The text of a tsquery that requires all lexemes."""
    quoted = (lexeme.replace("\\", "\\\\").replace("'", "''") for lexeme in sorted(lexemes))
    return " & ".join(f"'{lexeme}'" for lexeme in quoted)


def _joined(terms: Combinable, lexemes: list[str]) -> CombinedExpression:
    array = Value(lexemes, output_field=ArrayField(TextField()))
    return CombinedExpression(terms, "||", _Lexemes(array), output_field=SearchVectorField())


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def _pairs(run: str) -> set[str]:
    return {"".join(pair) for pair in pairwise(run)}
