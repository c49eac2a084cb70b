"""System checks for configuration mistakes that would cost money."""

from typing import Any

from django.conf import settings
from django.core import checks

from billing.providers import provider


@checks.register
def currencies_are_codes_with_rates(**kwargs: Any) -> list[checks.CheckMessage]:
    rates = settings.CURRENCY_RATES
    codes = (settings.CURRENCY, *rates)
    is_right = all(len(code) == 3 and code.isalpha() and code.islower() for code in codes)
    if is_right and settings.CURRENCY not in rates and all(rate > 0 for rate in rates.values()):
        return []
    return [
        checks.Error(
            "CURRENCY and CURRENCY_RATES don't name currencies.",
            hint="For example CURRENCY=usd and CURRENCY_RATES=eur=0.95,gbp=0.80, in small letters.",
            id="billing.E003",
        )
    ]


@checks.register(deploy=True)
def production_takes_money(**kwargs: Any) -> list[checks.CheckMessage]:
    if settings.DEBUG or not provider().is_sandbox:
        return []
    return [
        checks.Error(
            "Without STRIPE_SECRET_KEY the sandbox gives every plan away for nothing.",
            hint="Set it, or silence this where that is wanted.",
            id="billing.E002",
        )
    ]
