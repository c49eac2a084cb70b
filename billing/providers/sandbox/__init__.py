"""The provider used when no Stripe key is set: checkout pages marked as a test, and no money.

It stands on the other side of the same wires: it keeps Stripe-shaped objects of its own, answers the
gateway's questions from them, and posts signed events to our webhook over HTTP.
"""

from billing.providers.sandbox.delivery import deliver
from billing.providers.sandbox.gateway import SandboxGateway
from billing.providers.sandbox.payments import Card, dispute, refund, settle_dispute
from billing.providers.sandbox.subscriptions import (
    let_period_pass,
    pay,
    pay_invoice,
    recover,
    renew,
    renew_due,
    use_card,
)

__all__ = [
    "Card",
    "SandboxGateway",
    "deliver",
    "dispute",
    "let_period_pass",
    "pay",
    "pay_invoice",
    "recover",
    "refund",
    "renew",
    "renew_due",
    "settle_dispute",
    "use_card",
]
