"""Filters that format GPU time, credits and money."""

from datetime import timedelta

from django import template
from django.utils.translation import gettext as _

from billing import money as currencies
from billing.models import Unit
from billing.plans import PLANS, PRODUCTS

register = template.Library()


@register.filter
def gpu_time(ms: int) -> str:
    """Milliseconds, rounded down: "3.2 s", "4 min 58 s"."""
    seconds, rest = divmod(abs(ms), 1_000)
    minutes, seconds = divmod(seconds, 60)
    if minutes:
        text = _("{minutes} min {seconds} s").format(minutes=minutes, seconds=seconds)
    else:
        text = _("{seconds} s").format(seconds=f"{seconds}.{rest // 100}")
    return _sign(ms) + text


@register.filter
def held_time(ms: int) -> str:
    """Held GPU time: "12 s held"."""
    return _("{time} held").format(time=gpu_time(ms))


@register.filter
def span(time: timedelta) -> str:
    """A timedelta in the format of GPU time."""
    return gpu_time(time // timedelta(milliseconds=1))


@register.filter
def exact_gpu_time(ms: int) -> str:
    """Exact milliseconds, so that a column of them adds up: "3.218 s"."""
    seconds, rest = divmod(abs(ms), 1_000)
    return _sign(ms) + _("{seconds} s").format(seconds=f"{seconds:,}.{rest:03}")


@register.filter
def credits(thousandths: int) -> str:
    """Thousandths of a credit as exact credits: "2,900", "0.5"."""
    whole, rest = divmod(abs(thousandths), 1_000)
    fraction = f".{rest:03}".rstrip("0") if rest else ""
    return _sign(thousandths) + f"{whole:,}{fraction}"


@register.filter
def amount(number: int, unit: str) -> str:
    """GPU time rounded down, or credits: "4 min 58 s", "2,900 credits"."""
    return _credits(number) if unit == Unit.CREDITS else gpu_time(number)


@register.filter
def exact_amount(number: int, unit: str) -> str:
    """Exact GPU time, or credits: "3.218 s", "0.5 credits"."""
    return _credits(number) if unit == Unit.CREDITS else exact_gpu_time(number)


@register.filter
def round_amount(number: int, unit: str) -> str:
    """A round number on the scale of a chart: "0.5 s", "4 min", or credits: "20"."""
    return credits(number) if unit == Unit.CREDITS else _round_time(number)


@register.filter
def money(cents: int, currency: str) -> str:
    """An amount in a currency's smallest unit: "$10.00"."""
    return currencies.text(cents, currency)


@register.filter
def price(cents: int, currency: str) -> str:
    """The same as `money`, but whole amounts have no decimals: "$10"."""
    return currencies.text(cents, currency, short=True)


@register.filter
def product_name(product: str) -> str:
    """The name of a plan or product, by its id."""
    found = PLANS.get(product) or PRODUCTS.get(product)
    return str(found.name) if found else product


def _round_time(ms: int) -> str:
    if ms % 60_000 == 0 and ms:
        return _("{minutes} min").format(minutes=f"{ms // 60_000:,}")
    return _("{seconds} s").format(seconds=f"{ms / 1_000:g}")


def _credits(thousandths: int) -> str:
    return _("{credits} credits").format(credits=credits(thousandths))


def _sign(amount: int) -> str:
    return "−" if amount < 0 else ""
