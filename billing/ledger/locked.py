"""Changes inside a wallet whose row the caller has locked. Only the ledger's verbs call them."""

from datetime import datetime

from django.db.models import Sum

from billing.ledger import coverage
from billing.ledger.coverage import Promise
from billing.models import Entry, Grant, Hold, Wallet


def move(wallet: Wallet, *, balance: int = 0, held: int = 0) -> None:
    """Add to both sums, in the row and in the instance."""
    wallet.balance += balance
    wallet.held += held
    wallet.save(update_fields=["balance", "held"])


def write_off(wallet: Wallet, *, at: datetime) -> int:
    """Write off the lapsed amounts; returns the number of grants."""
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
    """The grants that expired by `at`, each with the amount that no earlier hold needs."""
    due = list(
        wallet.grants.filter(remaining__gt=0, expires_at__lte=at).order_by("expires_at", "id")
    )
    if not due:
        return []
    return coverage.surplus(due, _promises(wallet))


def spare(wallet: Wallet, given: Grant) -> int:
    """The most that can be taken from the grant while every open hold stays covered."""
    grants = list(wallet.grants.filter(remaining__gt=0))
    return coverage.spare(given, grants, _promises(wallet))


def _promises(wallet: Wallet) -> list[Promise]:
    holds = wallet.holds.filter(status=Hold.Status.OPEN)
    return list(holds.values_list("created_at", "amount"))


def taken_back(given: Grant) -> int:
    """The amount that refunds took from the grant, net of restored amounts."""
    refunds = given.entries.filter(kind=Entry.Kind.REFUND)
    return -(refunds.aggregate(sum=Sum("amount"))["sum"] or 0)
