"""G11: the ledger compared with plain SQL, empty and with ten million entries."""

import itertools
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.bench.database import empty_database
from tests.bench.figures import Figure, measures
from tests.bench.trials import interleaved, timed

ENTRIES = 10_000_000
PAIRS = 100
ROUNDS = 21
HOT_THREADS = 8
HOT_SECONDS = 5.0
# Pages of a user with that many entries.
FEW, MANY = 1_000, 1_000_000


@measures("G11")
def ledger() -> Iterator[Figure]:
    """Holds and captures a second over plain SQL that writes the same; with ten million entries over none; one wallet."""
    with empty_database():
        from tests.bench import accounts  # noqa: PLC0415  # app registry: after django.setup()

        purse = accounts.Purse("purse@example.com")
        yield _over_plain_sql(purse)
        yield _hot(purse)
        # The same wallet in two databases, one of which others have filled: asked in turn, both meet the
        # same machine.
        with accounts.copied_database() as (empty, full):
            full.enter()
            accounts.fill(accounts.Purse("others@example.com"), ENTRIES)
            accounts.settle()
            sides = (_pay_in(database, purse) for database in (empty, full))
            times = interleaved(*sides, rounds=ROUNDS)
        without, among = (statistics.median(each) for each in times)
        yield Figure(
            name="G11 at 10,000,000 entries",
            value=without / among,
            unit="times the pairs a second of none",
            goal=">= 0.95",
        )


@measures("usage")
def usage() -> Iterator[Figure]:
    """Balance and usage page of a user with a million entries, over one with a thousand."""
    with empty_database():
        from tests.bench import accounts  # noqa: PLC0415  # app registry: after django.setup()

        few, many = accounts.Purse("few@example.com"), accounts.Purse("many@example.com")
        accounts.fill(few, FEW)
        accounts.fill(many, MANY)
        accounts.settle()
        for name in accounts.PAGES:
            few_seconds, many_seconds = _medians(few.visit(name), many.visit(name))
            yield Figure(
                name=f"usage {name}",
                value=many_seconds / few_seconds,
                unit=f"x, {many_seconds * 1_000:.1f} ms over {few_seconds * 1_000:.1f}",
                goal="<= 1.2",
            )


def _over_plain_sql(purse: "object") -> Figure:
    from tests.bench import accounts  # noqa: PLC0415  # app registry: after django.setup()

    assert isinstance(purse, accounts.Purse)
    plain_seconds, ledger_seconds = _medians(purse.pay_in_plain_sql, purse.pay)
    return Figure(
        name="G11",
        value=plain_seconds / ledger_seconds,
        unit=f"times plain SQL, {PAIRS / ledger_seconds:.0f} pairs a second",
        goal=">= 0.5",
    )


def _pay_in(database: "object", purse: "object") -> Callable[[], float]:
    from tests.bench import accounts  # noqa: PLC0415  # app registry: after django.setup()

    assert isinstance(database, accounts.Database) and isinstance(purse, accounts.Purse)

    def pay() -> float:
        database.enter()
        purse.pay(pairs=10)
        return timed(purse.pay)

    return pay


def _hot(purse: "object") -> Figure:
    """All users pay from one wallet at once."""
    from django.db import connection  # noqa: PLC0415  # app registry: after django.setup()

    from tests.bench import accounts  # noqa: PLC0415  # app registry: after django.setup()

    assert isinstance(purse, accounts.Purse)
    end = time.monotonic() + HOT_SECONDS
    together = threading.Barrier(HOT_THREADS)

    def pay() -> int:
        together.wait()
        try:
            for count in itertools.count():
                if time.monotonic() > end:
                    return count
                purse.pay(pairs=1)
        finally:
            connection.close()
        raise AssertionError

    with ThreadPoolExecutor(HOT_THREADS) as pool:
        pairs = sum(pool.map(lambda _number: pay(), range(HOT_THREADS)))
    return Figure(
        name="G11 hot wallet",
        value=2 * pairs / HOT_SECONDS,
        unit=f"transactions a second, {HOT_THREADS} at once",
        goal=">= 250",
    )


def _medians(*sides: Callable[[], object]) -> list[float]:
    times = interleaved(*((lambda side=side: timed(side)) for side in sides), rounds=ROUNDS)
    return [statistics.median(each) for each in times]
