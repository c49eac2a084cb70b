"""What this installation has measured of itself, for pages that stand below generation."""

from django import template

from generation import speeds
from generation.forms import offered
from generation.speeds import Rate

register = template.Library()


@register.simple_tag
def measured_rates() -> list[Rate]:
    """How fast each checkpoint that is offered draws with its own settings, as far as it was measured."""
    return speeds.rates(offered())
