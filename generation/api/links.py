"""Absolute links in API responses."""

from django.conf import settings


def absolute(path: str) -> str:
    """The URL of a path on this site."""
    return settings.SITE_URL.rstrip("/") + path
