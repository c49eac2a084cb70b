"""Template context of every page."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from billing import notice as billing_notice
from billing.models import Grant, Unit
from generation.live import snapshot


def site(request: HttpRequest) -> dict[str, Any]:
    """SITE_NAME and, for a signed-in user, lazy values, each read once and only if shown:

    `live`: active jobs, balance and holds; `grants`: the grants behind the balance, with their expiry;
    `notice`: the banner about the plan.
    """
    context: dict[str, Any] = {"SITE_NAME": settings.SITE_NAME}
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        context["live"] = SimpleLazyObject(lambda: snapshot.user_state(user))
        context["notice"] = SimpleLazyObject(lambda: billing_notice.notice(user))
        grants = Grant.objects.spendable().for_user(user, Unit.GPU_MS)
        context["grants"] = SimpleLazyObject(lambda: list(grants))
    return context
