"""The provider used when no Stripe key is set: checkout pages marked as a test, and no money.

It stands on the other side of the same wires: it keeps Stripe-shaped objects of its own, answers the
gateway's questions from them, and posts signed events to our webhook over HTTP.
"""

from billing.sandbox.contracts import (
    let_period_pass,
    pay,
    pay_invoice,
    recover,
    renew,
    renew_due,
    use_card,
)
from billing.sandbox.delivery import deliver
from billing.sandbox.gateway import SandboxGateway
from billing.sandbox.till import Card, dispute, refund, settle_dispute

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
