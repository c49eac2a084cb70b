"""The payment provider in use. Another provider is a package in this folder and a line in PROVIDERS."""

from billing.providers import sandbox, stripe
from billing.providers.protocol import Gateway, Provider

# The first that is configured takes the payments. The sandbox is always configured, so it comes last.
PROVIDERS: tuple[Provider, ...] = (stripe.PROVIDER, sandbox.PROVIDER)


def provider() -> Provider:
    """The provider that takes the payments."""
    return next(each for each in PROVIDERS if each.is_configured())


def gateway() -> Gateway:
    """A connection to the provider that takes the payments."""
    return provider().connect()
