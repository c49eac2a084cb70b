"""The two SQL statements behind a hold and a capture: one locks, one writes.

The lock comes first, so that the second statement sees every earlier commit. That one only adds to the
sums, so even without the lock the table's constraints would refuse an overdrawn wallet.
"""

from datetime import datetime
from typing import Any

from django.db import connection

from billing.models import Hold, Wallet

LOCK_WALLET = """
SELECT id, user_id, unit, balance, held
FROM billing_wallet WHERE user_id = %s AND unit = %s FOR UPDATE
"""
LOCK_HOLD = """
SELECT hold.id, hold.wallet_id, hold.amount, hold.captured, hold.status, hold.reference,
    hold.created_at, hold.settled_at,
    wallet.id, wallet.user_id, wallet.unit, wallet.balance, wallet.held
FROM billing_hold AS hold JOIN billing_wallet AS wallet ON wallet.id = hold.wallet_id
WHERE hold.reference = %s FOR UPDATE OF wallet, hold
"""
# Inserts nothing if the reference is known, if too little is free, or if an expired grant has not been
# %(written_off)s yet.
_PLACE = """
WITH placed AS (
    INSERT INTO billing_hold (wallet_id, amount, status, reference, created_at)
    SELECT %(wallet)s, %(amount)s, 'open', %(reference)s, %(now)s
    WHERE %(amount)s <= %(free)s
      AND NOT EXISTS (SELECT FROM billing_hold WHERE reference = %(reference)s)
      AND (%(written_off)s OR NOT EXISTS (
        SELECT FROM billing_grant
        WHERE wallet_id = %(wallet)s AND remaining > 0 AND expires_at <= %(now)s
      ))
    RETURNING id
), moved AS (
    UPDATE billing_wallet SET held = held + %(amount)s FROM placed WHERE billing_wallet.id = %(wallet)s
)
SELECT id FROM placed
"""
# Spends %(amount)s from the grants that had not expired when the hold was placed, nearest expiry first, with
# one entry for each grant; settles the hold, and moves the wallet's sums.
_CAPTURE = """
WITH queue AS (
    SELECT id, remaining, sum(remaining) OVER (ORDER BY expires_at NULLS LAST, id) - remaining AS before
    FROM billing_grant
    WHERE wallet_id = %(wallet)s AND remaining > 0
      AND (expires_at IS NULL OR expires_at > %(placed_at)s)
), share AS (
    SELECT id, least(remaining, %(amount)s - before)::bigint AS part
    FROM queue
    WHERE before < %(amount)s
), taken AS (
    UPDATE billing_grant SET remaining = remaining - part FROM share WHERE billing_grant.id = share.id
), entered AS (
    INSERT INTO billing_entry (wallet_id, kind, amount, reference, grant_id, hold_id, note, created_at)
    SELECT %(wallet)s, %(kind)s, -part, %(reference)s || ':capture:' || id, id, %(hold)s, %(note)s, %(now)s
    FROM share
    RETURNING amount
), settled AS (
    UPDATE billing_hold SET status = 'captured', captured = %(amount)s, settled_at = %(now)s
    WHERE id = %(hold)s
), moved AS (
    UPDATE billing_wallet SET balance = balance - %(amount)s, held = held - %(held)s
    WHERE id = %(wallet)s
)
SELECT coalesce(-sum(amount), 0)::bigint FROM entered
"""


def lock_wallet(user_id: int, unit: str) -> Wallet | None:
    """The user's wallet in the unit, its row locked; None before its first use."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_WALLET, [user_id, unit])
        row = cursor.fetchone()
    return _wallet(row) if row else None


def lock_hold(reference: str) -> Hold:
    """The hold with its wallet, read after both rows are locked. Raises Hold.DoesNotExist."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_HOLD, [reference])
        row = cursor.fetchone()
    if row is None:
        raise Hold.DoesNotExist(reference)
    names = (
        "id",
        "wallet_id",
        "amount",
        "captured",
        "status",
        "reference",
        "created_at",
        "settled_at",
    )
    hold = Hold.from_db("default", names, row[:8])
    hold.wallet = _wallet(row[8:])
    return hold


def place(
    wallet: Wallet, *, amount: int, reference: str, at: datetime, written_off: bool = False
) -> Hold | None:
    """A new hold, or None (see _PLACE). Updates the instance of the wallet with its row.

    `written_off`: expired grants have no more left than earlier holds need.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _PLACE,
            {
                "wallet": wallet.pk,
                "amount": amount,
                "free": wallet.balance - wallet.held,
                "reference": reference,
                "now": at,
                "written_off": written_off,
            },
        )
        row = cursor.fetchone()
    if row is None:
        return None
    wallet.held += amount
    placed = Hold(id=row[0], wallet=wallet, amount=amount, reference=reference, created_at=at)
    placed._state.adding = False
    return placed


def capture(hold: Hold, *, amount: int, kind: str, note: str, at: datetime) -> None:
    """Spend `amount` of an open hold and free the rest. Updates the instances with their rows.

    The grants always cover it: `coverage.surplus` keeps the part of an expired grant that holds need.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _CAPTURE,
            {
                "wallet": hold.wallet_id,
                "hold": hold.pk,
                "held": hold.amount,
                "amount": amount,
                "placed_at": hold.created_at,
                "kind": kind,
                "reference": hold.reference,
                "note": note,
                "now": at,
            },
        )
        taken = cursor.fetchone()[0]
    assert taken == amount, f"hold {hold.reference}: its grants cover {taken} of {amount}"
    hold.status, hold.captured, hold.settled_at = Hold.Status.CAPTURED, amount, at
    hold.wallet.balance -= amount
    hold.wallet.held -= hold.amount


def _wallet(row: tuple[Any, ...]) -> Wallet:
    return Wallet.from_db("default", ("id", "user_id", "unit", "balance", "held"), row)
