"""What this installation has measured of itself, for pages that stand below generation."""

from django import template

from generation.options.offered import offered
from generation.queue import estimates
from generation.queue.estimates import Throughput

register = template.Library()


@register.simple_tag
def measured_rates() -> list[Throughput]:
    """How fast each checkpoint that is offered draws with its own settings, as far as it was measured."""
    return estimates.rates(offered())
