"""What every page shows around its content."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from billing import standing
from generation import events


def site(request: HttpRequest) -> dict[str, Any]:
    """SITE_NAME; and of the signed-in person, read once and only if shown: `live`, the active jobs and
    minutes, and `notice`, what has to be done about the plan.
    """
    context: dict[str, Any] = {"SITE_NAME": settings.SITE_NAME}
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        context["live"] = SimpleLazyObject(lambda: events.snapshot(user))
        context["notice"] = SimpleLazyObject(lambda: standing.notice(user))
    return context
