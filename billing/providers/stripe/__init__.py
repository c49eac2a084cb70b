"""Stripe, the provider of record.

Its library takes half a second to load, so this module does not import it.
"""

from django.conf import settings

from billing.providers.protocol import Gateway, Provider
from billing.providers.stripe import checks  # noqa: F401  # registers them


def is_configured() -> bool:
    return bool(settings.STRIPE_SECRET_KEY)


def connect() -> Gateway:
    from billing.providers.stripe import gateway  # noqa: PLC0415  # slow import: stripe takes half a second

    return gateway.StripeGateway(settings.STRIPE_SECRET_KEY)


PROVIDER = Provider(
    is_configured=is_configured,
    connect=connect,
    origins=tuple(f"https://{name}.stripe.com" for name in ("checkout", "billing", "invoice")),
)
