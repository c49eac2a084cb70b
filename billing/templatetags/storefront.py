"""What is offered to who has run out of minutes."""

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
    """What the catalogue's prices are in."""
    return settings.CURRENCY


@register.simple_tag
def next_minutes_at(user: User) -> datetime | None:
    """When the plan brings minutes again, if it does."""
    return notice.next_minutes_at(user)
