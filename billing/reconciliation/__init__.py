"""Comparison of everything that is stored about money with the rows behind it."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import redis
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone

from billing.reconciliation import payments, sums

log = logging.getLogger(__name__)

# Yields every difference as a sentence. Takes no locks.
Comparison = Callable[[], Iterable[str]]

_LAST = "reconciliation"
COMPARISONS: list[Comparison] = [sums.differences, payments.differences]


@dataclass(frozen=True)
class Result:
    """The differences that a run found, and the time of its end."""

    at: datetime
    differences: tuple[str, ...]


def contribute(comparison: Comparison) -> None:
    """Add a comparison to every run. Call it once, in AppConfig.ready.

    Jobs stand above billing, which therefore cannot look at them itself.
    """
    COMPARISONS.append(comparison)


def run() -> Result:
    """Reconcile, and keep the result for `last` unless Valkey is down."""
    result = Result(differences=tuple(reconcile()), at=timezone.now())
    try:
        cache.set(_LAST, result, timeout=None)
    except (redis.RedisError, OSError) as error:
        log.warning("nobody will hear of this reconciliation: %s", error)
    return result


def last() -> Result | None:
    """The result of the last run; None before the first, or after Valkey was emptied."""
    result: Result | None = cache.get(_LAST)
    return result


def reconcile() -> list[str]:
    """Every difference as a sentence. Takes no locks, so it is safe on a running site."""
    with transaction.atomic():
        _allow_long_statements()
        return [difference for compare in COMPARISONS for difference in compare()]


def _allow_long_statements() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
