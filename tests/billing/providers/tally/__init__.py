"""Tally, a payment provider that sells products once. Its orders are in memory."""

from billing.providers.protocol import Provider
from tests.billing.providers.tally.gateway import TallyGateway

PROVIDER = Provider(
    is_configured=lambda: True, connect=TallyGateway, origins=("https://pay.tally.test",)
)
