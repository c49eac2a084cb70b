"""Money rows. `ledger` alone writes wallets and their rows; `subscriptions` and `payments` write theirs.

References are unique by constraint, not by `unique=True`, which would add a second, unused index.
"""

from billing.models.customers import (
    LIVE,
    Customer,
    FailedPayment,
    Interval,
    OwedCancellation,
    Payment,
    Subscription,
)
from billing.models.provider import CatchUp, SandboxObject, StripeEvent
from billing.models.wallets import Entry, Grant, Hold, Unit, Wallet

__all__ = [
    "LIVE",
    "CatchUp",
    "Customer",
    "Entry",
    "FailedPayment",
    "Grant",
    "Hold",
    "Interval",
    "OwedCancellation",
    "Payment",
    "SandboxObject",
    "StripeEvent",
    "Subscription",
    "Unit",
    "Wallet",
]
