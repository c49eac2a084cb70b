"""Amounts of money: integers in a currency's smallest unit, as Stripe counts them."""

from decimal import ROUND_HALF_UP, Decimal

from babel import Locale
from babel.numbers import parse_pattern
from django.conf import settings
from django.utils.translation import get_language, to_locale

# https://docs.stripe.com/currencies: all others have two places.
_PLACES = {
    **dict.fromkeys(
        ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv"),
        0,
    ),
    **dict.fromkeys(("xaf", "xof", "xpf"), 0),
    **dict.fromkeys(("bhd", "jod", "kwd", "omr", "tnd"), 3),
}


def places(currency: str) -> int:
    """Decimal places of the currency at the provider."""
    return _PLACES.get(currency, 2)


def text(amount: int, currency: str, *, short: bool = False) -> str:
    """The amount as the reader's language writes it: "$10.00", or "$10" if whole ones may be `short`."""
    locale = Locale.parse(to_locale(get_language() or settings.LANGUAGE_CODE))
    value = Decimal(amount).scaleb(-places(currency))
    decimals = 0 if short and value == value.to_integral_value() else places(currency)
    pattern = parse_pattern(locale.currency_formats["standard"].pattern)
    pattern.frac_prec = (decimals, decimals)
    shown: str = pattern.apply(value, locale, currency=currency.upper(), currency_digits=False)
    return shown


def in_currency(cents: int, currency: str) -> int:
    """What costs `cents` of the installation's currency, in that one or another that CURRENCY_RATES names."""
    if currency == settings.CURRENCY:
        return cents
    rate = settings.CURRENCY_RATES.get(currency, Decimal(1))
    value = Decimal(cents).scaleb(-places(settings.CURRENCY)) * rate
    return int(value.scaleb(places(currency)).to_integral_value(ROUND_HALF_UP))
