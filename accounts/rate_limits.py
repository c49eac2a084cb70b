"""Rate limits for views, and the 429 page.

The rates are in the settings, ACCOUNT_RATE_LIMITS, beside allauth's own; the counts are in the cache.
"""

import re
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from allauth.account import app_settings
from allauth.core import ratelimit
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]

MINUTE = 60
UNITS = {"s": 1, "m": MINUTE, "h": 60 * MINUTE, "d": 24 * 60 * MINUTE}


def limited(action: str) -> Callable[[View[P]], View[P]]:
    """Limit POST requests to a view by the rate of `action`. Goes below login_required."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def limited_view(
            request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponse:
            if ratelimit.consume(request, action=action):
                return view(request, *args, **kwargs)
            return too_many_requests(request, seconds=longest(action))

        return limited_view

    return decorate


def count(key: str, *, seconds: int, by: int = 1) -> int:
    """Add to a counter that starts anew after so many seconds, and return it. allauth's limits count no GETs."""
    cache.add(key, 0, timeout=seconds)
    return cache.incr(key, by)


def too_many_requests(request: HttpRequest, *, seconds: int = MINUTE) -> HttpResponse:
    """A 429 response with Retry-After. allauth's own limits are all per minute."""
    response = _answer(request)
    response["Retry-After"] = str(seconds)
    return response


def _answer(request: HttpRequest) -> HttpResponse:
    if request.accepts("text/html"):
        return render(request, "429.html", status=429)
    return JsonResponse(
        {"error": _("There were too many tries in a short time. Please wait a few minutes.")},
        status=429,
    )


def longest(action: str) -> int:
    """Seconds after which `action` is allowed again, by the longest of its rates."""
    rates = re.findall(r"/(\d*)([smhd])/", app_settings.RATE_LIMITS[action])
    return max(int(number or 1) * UNITS[unit] for number, unit in rates)
