"""Tags for the offer of more minutes."""

from datetime import datetime

from django import template
from django.conf import settings

from accounts.models import User
from billing import notice
from billing.plans import TOP_UPS, TopUp

register = template.Library()


@register.simple_tag
def smallest_top_up() -> TopUp:
    return min(TOP_UPS.values(), key=lambda product: product.price_cents)


@register.simple_tag
def currency() -> str:
    """The currency of the catalogue's prices."""
    return settings.CURRENCY


@register.simple_tag
def next_minutes_at(user: User) -> datetime | None:
    """The moment of the plan's next minutes, or None."""
    return notice.next_minutes_at(user)
