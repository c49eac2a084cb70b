"""What every page says of the site and of itself."""

from django import template
from django.conf import settings
from django.templatetags.static import static

from sdsite import indexing

register = template.Library()


@register.simple_tag
def site_name() -> str:
    """Needs no request: the page for an error has none."""
    return str(settings.SITE_NAME)


@register.simple_tag
def site_url(path: str = "") -> str:
    """An address that works elsewhere than on this site."""
    return f"{settings.SITE_URL}{path}"


@register.simple_tag
def static_url(path: str) -> str:
    """The same for a static file."""
    return site_url(static(path))


@register.simple_tag
def canonical(path: str, language: str) -> str:
    return indexing.address(path, language=language)


@register.simple_tag
def alternates(path: str) -> list[tuple[str, str]]:
    return indexing.alternates(path)
