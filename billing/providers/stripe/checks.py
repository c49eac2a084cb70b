"""System checks of Stripe's settings."""

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register
def webhook_secret_is_set(**kwargs: Any) -> list[checks.CheckMessage]:
    if not settings.STRIPE_SECRET_KEY or settings.STRIPE_WEBHOOK_SECRET:
        return []
    return [
        checks.Error(
            "STRIPE_SECRET_KEY is set, STRIPE_WEBHOOK_SECRET is not.",
            hint="Without it no event from Stripe can be told from a forged one.",
            id="billing.E001",
        )
    ]


@checks.register
def webhook_secret_has_a_use(**kwargs: Any) -> list[checks.CheckMessage]:
    if settings.STRIPE_SECRET_KEY or not settings.STRIPE_WEBHOOK_SECRET:
        return []
    return [
        checks.Warning(
            "STRIPE_WEBHOOK_SECRET is set, STRIPE_SECRET_KEY is not: the sandbox is used.",
            hint="Set STRIPE_SECRET_KEY to take payments.",
            id="billing.W001",
        )
    ]
