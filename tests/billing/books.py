"""The check at the end of every test of money, and helpers that fill a wallet."""

from accounts.models import User
from billing import ledger
from billing.models import Grant, Unit
from billing.reconciliation import reconcile


def assert_books_balance() -> None:
    assert reconcile() == []


def fund(user: User, amount: int, *, reference: str = "funds") -> Grant:
    """Give GPU milliseconds that don't expire."""
    return ledger.grant(
        user,
        unit=Unit.GPU_MS,
        amount=amount,
        source=Grant.Source.TOPUP,
        reference=f"{reference}:{user.pk}",
    )


def balance(user: User) -> int:
    return ledger.available(user, Unit.GPU_MS)
