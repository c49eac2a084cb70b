"""Template tags for the account pages."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import time_zones

register = template.Library()


@register.simple_tag(takes_context=True)
def tab(context: Context, name: str, label: str, *below: str) -> SafeString:
    """A link to the page `name`, marked as current on pages whose path starts with `below`, too."""
    target = reverse(name)
    path = context["request"].path
    current = "page" if path == target else "true" if path.startswith(below) else ""
    mark = format_html(' aria-current="{}"', current) if current else ""
    return format_html('<a href="{}"{}>{}</a>', target, mark, label)


@register.filter(expects_localtime=True)
def moment(at: datetime | None) -> str:
    """Date and time in the person's time zone, which is named."""
    return time_zones.named(at) if at else ""


@register.filter
def wrapped(authenticators: Iterable[Authenticator]) -> list[Any]:
    """Wraps each authenticator in the class of its type, as allauth's index view does."""
    return [authenticator.wrap() for authenticator in authenticators]
