"""Small things that the pages of the account area need."""

from collections.abc import Iterable
from typing import Any

from allauth.mfa.models import Authenticator
from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag(takes_context=True)
def tab(context: Context, name: str, label: str, *below: str) -> SafeString:
    """A link to the page called `name`, marked as the current one also on pages whose path begins as `below`."""
    target = reverse(name)
    path = context["request"].path
    current = "page" if path == target else "true" if path.startswith(below) else ""
    mark = format_html(' aria-current="{}"', current) if current else ""
    return format_html('<a href="{}"{}>{}</a>', target, mark, label)


@register.filter
def wrapped(authenticators: Iterable[Authenticator]) -> list[Any]:
    """Each in the shape of its type, as allauth's overview has them."""
    return [authenticator.wrap() for authenticator in authenticators]
