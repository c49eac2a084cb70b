"""Amounts of money: integers in a currency's smallest unit, as Stripe counts them."""

from decimal import ROUND_HALF_UP, Decimal

from babel import Locale
from babel.numbers import parse_pattern
from django.conf import settings
from django.utils.translation import get_language, to_locale

# https://docs.stripe.com/currencies; every other currency has two places.
_THREE_PLACES = ("bhd", "jod", "kwd", "omr", "tnd")
_PLACES = {
    **dict.fromkeys(
        ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv"), 0
    ),
    **dict.fromkeys(("xaf", "xof", "xpf"), 0),
    **dict.fromkeys(_THREE_PLACES, 3),
}
# Amounts have to be multiples of these. Krónur and Ugandan shillings have no fractions any more, and are
# counted in hundredths all the same; card networks refuse the last of three places.
_STEPS = {"isk": 100, "ugx": 100, **dict.fromkeys(_THREE_PLACES, 10)}


def places(currency: str) -> int:
    """Decimal places of the currency at the provider."""
    return _PLACES.get(currency, 2)


def payable(amount: Decimal | int, currency: str) -> int:
    """The nearest amount that the provider takes, rounded half up."""
    step = _STEPS.get(currency, 1)
    return int((Decimal(amount) / step).to_integral_value(ROUND_HALF_UP)) * step


def text(amount: int, currency: str, *, short: bool = False) -> str:
    """The amount in the active language: "$10.00", or "$10" for a whole one if `short`."""
    locale = Locale.parse(to_locale(get_language() or settings.LANGUAGE_CODE))
    value = Decimal(amount).scaleb(-places(currency))
    is_whole = _STEPS.get(currency) == 10 ** places(currency)
    if short or is_whole:
        is_whole = value == value.to_integral_value()
    decimals = 0 if is_whole else places(currency)
    pattern = parse_pattern(locale.currency_formats["standard"].pattern)
    pattern.frac_prec = (decimals, decimals)
    shown: str = pattern.apply(value, locale, currency=currency.upper(), currency_digits=False)
    return shown


def in_currency(cents: int, currency: str) -> int:
    """The price in another currency of CURRENCY_RATES, payable; `cents` is in the site's currency."""
    if currency == settings.CURRENCY:
        return payable(cents, currency)
    rate = settings.CURRENCY_RATES.get(currency, Decimal(1))
    value = Decimal(cents).scaleb(-places(settings.CURRENCY)) * rate
    return payable(value.scaleb(places(currency)), currency)
