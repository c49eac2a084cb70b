"""Quotes in words."""

from django.utils.translation import gettext as _

from billing.pricing import Quote
from billing.templatetags.amounts import gpu_time


def in_words(quote: Quote) -> str:
    return _("about %(likely)s, at most %(ceiling)s of GPU time") % {
        "likely": gpu_time(quote.likely_ms),
        "ceiling": gpu_time(quote.ceiling_ms),
    }
