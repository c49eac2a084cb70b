"""What happens inside a wallet whose row the caller has locked. Only the ledger's verbs call these."""

from datetime import datetime

from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from billing.ledger import coverage
from billing.ledger.coverage import Promise
from billing.models import Entry, Grant, Hold, Wallet

# Shares %(amount)s out over the grants that were alive when the hold was placed, nearest expiry first, and
# writes one entry for each grant that it takes from: one statement, however many grants there are.
_SPEND = """
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
)
INSERT INTO billing_entry (wallet_id, kind, amount, reference, grant_id, hold_id, note, created_at)
SELECT %(wallet)s, %(kind)s, -part, %(reference)s || ':' || id, id, %(hold)s, %(note)s, %(now)s
FROM share
RETURNING amount
"""


def move(wallet: Wallet, *, balance: int = 0, held: int = 0) -> None:
    """Add to both sums. The instance follows the row."""
    wallet.balance += balance
    wallet.held += held
    wallet.save(update_fields=["balance", "held", "full"])


def spend(held: Hold, *, amount: int, kind: Entry.Kind, note: str) -> None:
    """Take `amount` of the hold from the grants that cover it; the caller moves the wallet's sums.

    They always do cover it: `coverage.surplus` keeps, of every expired grant, what earlier holds may need.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _SPEND,
            {
                "wallet": held.wallet_id,
                "amount": amount,
                "placed_at": held.created_at,
                "kind": kind,
                "reference": f"{held.reference}:capture",
                "hold": held.pk,
                "note": note,
                "now": timezone.now(),
            },
        )
        taken = -sum(row[0] for row in cursor.fetchall())
    assert taken == amount, f"hold {held.reference}: its grants cover {taken} of {amount}"


def write_off(wallet: Wallet, *, at: datetime) -> int:
    """Expire what lapsed by `at`; returns the number of grants."""
    due = lapsed(wallet, at=at)
    for expired, part in due:
        number = expired.entries.filter(kind=Entry.Kind.EXPIRE).count()
        expired.remaining -= part
        expired.save(update_fields=["remaining"])
        Entry.objects.create(
            wallet=wallet,
            kind=Entry.Kind.EXPIRE,
            amount=-part,
            reference=f"grant:{expired.pk}:expire:{number}",
            grant=expired,
        )
        move(wallet, balance=-part)
    return len(due)


def lapsed(wallet: Wallet, *, at: datetime) -> list[tuple[Grant, int]]:
    """The grants that expired by `at`, each with the part of it that no earlier hold may need."""
    due = list(
        wallet.grants.filter(remaining__gt=0, expires_at__lte=at).order_by("expires_at", "id")
    )
    if not due:
        return []
    return coverage.surplus(due, _promises(wallet))


def spare(wallet: Wallet, given: Grant) -> int:
    """What can go of the grant."""
    grants = list(wallet.grants.filter(remaining__gt=0))
    return coverage.spare(given, grants, _promises(wallet))


def _promises(wallet: Wallet) -> list[Promise]:
    holds = wallet.holds.filter(status=Hold.Status.OPEN)
    return list(holds.values_list("created_at", "amount"))


def taken_back(given: Grant) -> int:
    """What refunds have taken of the grant, less what was given back."""
    refunds = given.entries.filter(kind=Entry.Kind.REFUND)
    return -(refunds.aggregate(sum=Sum("amount"))["sum"] or 0)
