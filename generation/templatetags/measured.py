"""Measured speeds, for templates of apps below generation."""

from django import template

from generation.options.offered import offered
from generation.queue import estimates
from generation.queue.estimates import Throughput

register = template.Library()


@register.simple_tag
def measured_rates() -> list[Throughput]:
    """Throughput of each offered checkpoint with default settings; unmeasured ones are left out."""
    return estimates.rates(offered())
