"""What every page shows around its content."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from generation import events


def site(request: HttpRequest) -> dict[str, Any]:
    """SITE_NAME, and `live`: the signed-in person's active jobs and minutes, read once and only if shown."""
    context: dict[str, Any] = {"SITE_NAME": settings.SITE_NAME}
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        context["live"] = SimpleLazyObject(lambda: events.snapshot(user))
    return context
