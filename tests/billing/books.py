"""The check at the end of every test of money, and helpers that fill a wallet."""

from accounts.models import User
from billing import ledger
from billing.models import Grant, Unit
from billing.reconciliation import payments, sums


def assert_books_balance() -> None:
    """Wallets agree with their entries, and bought grants with their payments."""
    assert_wallets_balance()
    assert list(payments.differences()) == []


def assert_wallets_balance() -> None:
    """For the ledger by itself, in whose tests plans bring minutes that nobody paid for."""
    assert list(sums.differences()) == []


def fund(
    user: User,
    amount: int,
    *,
    unit: Unit = Unit.GPU_MS,
    source: Grant.Source = Grant.Source.ADJUSTMENT,
    reference: str = "funds",
) -> Grant:
    """Give an amount that doesn't expire."""
    return ledger.grant(
        user,
        unit=unit,
        amount=amount,
        source=source,
        reference=f"{reference}:{user.pk}",
    )


def balance(user: User) -> int:
    return ledger.available(user, Unit.GPU_MS)
