"""Links into the studio, and what they start with."""

from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils.translation import get_language

from generation.engine.enums import Mode
from generation.options import mode_names
from generation.options.build_request import DEFAULT_STRENGTH
from generation.options.example_images import Subject

register = template.Library()


@register.simple_tag(takes_context=True)
def start_url(context: dict[str, Any], **start: str) -> str:
    """The studio with a prompt, a preset or a preset's size; for visitors by way of signing up."""
    target = f"{reverse('studio')}?{urlencode(start)}"
    if context["user"].is_authenticated:
        return target
    return f"{reverse('account_signup')}?{urlencode({'next': target})}"


@register.filter
def said(subject: Subject) -> str:
    """Its prompt, in the language of the page."""
    return subject.prompt(get_language())


@register.filter
def mode_name(mode: Mode) -> str:
    return str(mode_names.NAMES[mode])


@register.filter
def gives_up(mode: Mode) -> bool:
    """Whether the mode asks how much of the picture it starts from is given up."""
    return mode in DEFAULT_STRENGTH
