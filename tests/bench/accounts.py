"""Wallets with any number of entries, and what their owners do. The rows are made in SQL."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import ledger
from billing.models import Grant, Unit
from tests import factories

PAGES = ("balance", "first page", "deep page")
AMOUNT = 1_000
CAPTURED = 700
PAIRS = 100
_REFERENCES = itertools.count()
# Each capture is a hold and an entry of it, on a grant that it used up in part.
_FILL = """
WITH held AS (
    INSERT INTO billing_hold (wallet_id, amount, captured, status, reference, created_at, settled_at)
    SELECT %(wallet)s, 1, 1, 'captured', 'bench:' || %(wallet)s || ':' || number, moment, moment
    FROM (
        SELECT number, %(newest)s - number * interval '1 second' AS moment
        FROM generate_series(%(first)s, %(last)s) AS number
    ) AS numbered
    RETURNING id, reference, created_at
)
INSERT INTO billing_entry (wallet_id, kind, amount, reference, grant_id, hold_id, note, created_at)
SELECT %(wallet)s, 'capture', -1, reference || ':capture', %(grant)s, id, '', created_at FROM held
"""
AT_ONCE = 500_000


@dataclass(frozen=True)
class Database:
    """One of two that the default connection may lead to."""

    name: str

    def enter(self) -> None:
        if connection.settings_dict["NAME"] != self.name:
            connection.close()
            connection.close_pool()
            connection.settings_dict["NAME"] = self.name


@contextmanager
def copied_database() -> Iterator[tuple[Database, Database]]:
    """The database as it is, and a copy of it."""
    own = Database(connection.settings_dict["NAME"])
    copy = Database(f"{own.name}_full")
    _administer(f'CREATE DATABASE "{copy.name}" TEMPLATE "{own.name}"')
    try:
        yield own, copy
    finally:
        own.enter()
        _administer(f'DROP DATABASE "{copy.name}"')


def _administer(statement: str) -> None:
    connection.close()
    connection.close_pool()
    with connection._nodb_cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(statement)


class Purse:
    """A wallet that covers everything measured."""

    def __init__(self, address: str) -> None:
        self.user = factories.make_user(address)
        self.client = Client()
        self.client.force_login(self.user)
        self.grant = ledger.grant(
            self.user,
            unit=Unit.GPU_MS,
            amount=10**12,
            source=Grant.Source.PLAN,
            reference=f"bench:{address}",
            expires_at=timezone.now() + timedelta(days=30),
        )

    def pay(self, *, pairs: int = PAIRS) -> None:
        """Hold and capture, as a job does."""
        for _ in range(pairs):
            reference = f"job:{next(_REFERENCES)}"
            ledger.hold(self.user, unit=Unit.GPU_MS, amount=AMOUNT, reference=reference)
            ledger.capture(reference, amount=CAPTURED)

    def pay_in_plain_sql(self) -> None:
        """The same rows under the same lock, without anything else that the ledger does."""
        wallet, grant = self.grant.wallet_id, self.grant.pk
        for _ in range(PAIRS):
            reference = f"job:{next(_REFERENCES)}"
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_LOCK, [wallet])
                cursor.execute(_HOLD, [wallet, AMOUNT, reference, timezone.now()])
                hold = cursor.fetchone()[0]
                cursor.execute(_MOVE, [0, AMOUNT, wallet])
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_LOCK, [wallet])
                cursor.execute(
                    "UPDATE billing_grant SET remaining = remaining - %s WHERE id = %s",
                    [CAPTURED, grant],
                )
                cursor.execute(_ENTRY, [wallet, -CAPTURED, reference, grant, hold, timezone.now()])
                cursor.execute(_SETTLE, [CAPTURED, timezone.now(), hold])
                cursor.execute(_MOVE, [-CAPTURED, -AMOUNT, wallet])

    def visit(self, page: str) -> Callable[[], object]:
        """Return the part of a page request to measure: all of it, or only the balance's queries."""
        if page == "balance":
            return lambda: ledger.available(self.user, Unit.GPU_MS)
        url = reverse("billing:usage")
        if page == "deep page":
            url += f"?before={self._deep()}"
        return lambda: self._get(url)

    def _get(self, url: str) -> None:
        assert self.client.get(url).status_code == 200

    def _deep(self) -> int:
        """Nine tenths down."""
        ids = self.grant.entries.order_by("id").values_list("pk", flat=True)
        count = ids.count()
        return ids[count // 10]


_LOCK = "SELECT balance, held FROM billing_wallet WHERE id = %s FOR UPDATE"
_HOLD = """
INSERT INTO billing_hold (wallet_id, amount, status, reference, created_at)
VALUES (%s, %s, 'open', %s, %s) RETURNING id
"""
_MOVE = "UPDATE billing_wallet SET balance = balance + %s, held = held + %s WHERE id = %s"
_ENTRY = """
INSERT INTO billing_entry (wallet_id, kind, amount, reference, grant_id, hold_id, note, created_at)
VALUES (%s, 'capture', %s, %s, %s, %s, '', %s)
"""
_SETTLE = (
    "UPDATE billing_hold SET status = 'captured', captured = %s, settled_at = %s WHERE id = %s"
)


def fill(purse: Purse, count: int) -> None:
    """Give the wallet a history of so many captures; its sums follow."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for first in range(1, count + 1, AT_ONCE):
            cursor.execute(
                _FILL,
                {
                    "wallet": purse.grant.wallet_id,
                    "grant": purse.grant.pk,
                    "newest": timezone.now(),
                    "first": first,
                    "last": min(first + AT_ONCE - 1, count),
                },
            )
        spent = [count, purse.grant.pk]
        cursor.execute("UPDATE billing_grant SET remaining = remaining - %s WHERE id = %s", spent)
        cursor.execute(_MOVE, [-count, 0, purse.grant.wallet_id])
        cursor.execute("SET statement_timeout TO DEFAULT")


def settle() -> None:
    """Have the planner know what there is, as it does on a site that has run for a day."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM ANALYZE billing_entry, billing_hold, billing_grant, billing_wallet")
        cursor.execute("SET statement_timeout TO DEFAULT")
