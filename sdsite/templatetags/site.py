"""Template tags for the site's name and absolute URLs."""

from django import template
from django.conf import settings
from django.templatetags.static import static

from sdsite import indexing

register = template.Library()


@register.simple_tag
def site_name() -> str:
    """SITE_NAME without a request, for error pages."""
    return str(settings.SITE_NAME)


@register.simple_tag
def site_url(path: str = "") -> str:
    """The absolute URL of a page."""
    return f"{settings.SITE_URL}{path}"


@register.simple_tag
def static_url(path: str) -> str:
    """The absolute URL of a static file."""
    return site_url(static(path))


@register.simple_tag
def canonical(path: str, language: str) -> str:
    return indexing.address(path, language=language)


@register.simple_tag
def alternates(path: str) -> list[tuple[str, str]]:
    return indexing.alternates(path)
