"""Sitemap, robots.txt and language alternates for search engines, and /llms.txt for language models."""

from collections.abc import Iterator
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_safe

from accounts.languages import PARAMETER
from generation.api import guide
from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.options import on_offer, presets

# Paths without public pages; pages behind a login carry noindex themselves.
PRIVATE = ("/account/", "/accounts/", "/admin/", "/billing/", "/jobs/", "/images/")


def address(path: str, *, language: str) -> str:
    """The canonical URL of a page in a language; the site's default language needs no parameter."""
    query = "" if language == settings.LANGUAGE_CODE else f"?{urlencode({PARAMETER: language})}"
    return f"{settings.SITE_URL}{path}{query}"


def alternates(path: str) -> list[tuple[str, str]]:
    """Language codes with the page's URL in each; x-default comes last."""
    named = [(code, address(path, language=code)) for code, _name in settings.LANGUAGES]
    return [*named, ("x-default", address(path, language=settings.LANGUAGE_CODE))]


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in PRIVATE)]
    lines += ["", f"Sitemap: {settings.SITE_URL}{reverse('sitemap')}", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain")


@require_safe
def sitemap(request: HttpRequest) -> HttpResponse:
    """sitemap.xml

    pages: list of an address and its alternates, (code, address) each.
    """
    pages = [
        (address(path, language=code), alternates(path))
        for path in _public_paths()
        for code, _name in settings.LANGUAGES
    ]
    return render(request, "sitemap.xml", {"pages": pages}, content_type="application/xml")


@require_safe
def llms(request: HttpRequest) -> HttpResponse:
    """llms.txt: the site as text, for language models. In the site's default language, as its address has none.

    formats: list[ApiFormatGuide]; mcp: that of MCP; models: list[Model]; uses: list[Fit]; and paths of pages.
    """
    with translation.override(settings.LANGUAGE_CODE):
        context = {
            "site_name": settings.SITE_NAME,
            "formats": guide.FORMATS.values(),
            "mcp": guide.FORMATS["MCP"],
            "models": on_offer.models(),
            "uses": on_offer.uses(),
            "developer": reverse("developer"),
            "reference": reverse("api:openapi-view"),
            "openapi": reverse("api:openapi-json"),
            "plans": reverse("billing:plans"),
            "detect": reverse("detect"),
        }
        text = render_to_string("llms.txt", context)
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def _public_paths() -> Iterator[str]:
    for name in ("home", "uses", "models", "billing:plans"):
        yield reverse(name)
    for id in presets.PRESETS:
        yield reverse("use", args=[id])
    for id in CHECKPOINTS:
        yield reverse("model", args=[id])
