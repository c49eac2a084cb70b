"""The provider for sites without another one: test checkout pages, and no money.

It keeps Stripe-shaped objects in our database, answers the gateway's calls from them, and posts events
with Stripe's signature scheme to our webhook over HTTP.
"""

from billing.providers.protocol import Provider
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
    "PROVIDER",
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

PROVIDER = Provider(is_configured=lambda: True, connect=SandboxGateway, is_sandbox=True)
