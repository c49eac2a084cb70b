"""A person's time zone: their choice, else the browser's, else UTC. CSV, JSON and the API stay in UTC."""

import functools
import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import date
from django.utils import timezone

from accounts.models import User

# A script sets it to the browser's time zone: see static/js/components/time_zone.js.
COOKIE = "time_zone"
MINUTE = timedelta(minutes=1)


class TimeZoneMiddleware:
    """Shows times in the user's time zone. Runs after authentication."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = _note_browsers(request, request.user) if request.user.is_authenticated else UTC
        # Threads serve one person's request after another's.
        with timezone.override(zone):
            return self.get_response(request)


def of(user: User | None) -> tzinfo:
    """The time zone for pages and emails."""
    for name in (user.time_zone, user.browser_time_zone) if user else ():
        if name in known():
            return zoneinfo.ZoneInfo(name)
    return UTC


def named(moment: datetime) -> str:
    """Date and time in the active time zone, with its offset: "May 8, 2026, 2 p.m. UTC+2"."""
    local = timezone.localtime(moment)
    return f"{date(local, 'DATETIME_FORMAT')} {_offset(local)}"


@functools.cache
def known() -> frozenset[str]:
    """All names of time zones, which are no paths and so are safe to load."""
    return frozenset(zoneinfo.available_timezones())


@functools.cache
def offered() -> tuple[str, ...]:
    """Time zones to choose from: UTC, then those named for a place."""
    places = (name for name in known() if "/" in name and not name.startswith("Etc/"))
    return ("UTC", *sorted(places))


def _note_browsers(request: HttpRequest, user: User) -> tzinfo:
    """Store the browser's time zone if it has changed, for emails; returns the user's."""
    browsers = request.COOKIES.get(COOKIE, "")
    if browsers != user.browser_time_zone and browsers in known():
        user.browser_time_zone = browsers
        User.objects.filter(pk=user.pk).update(browser_time_zone=browsers)
    return of(user)


def _offset(local: datetime) -> str:
    """UTC, UTC+2 or UTC-3:30: unlike names such as CST, it means one thing."""
    minutes = (local.utcoffset() or timedelta()) // MINUTE
    hours, rest = divmod(abs(minutes), 60)
    return (
        f"UTC{'-' if minutes < 0 else '+'}{hours}{f':{rest:02}' if rest else ''}"
        if minutes
        else "UTC"
    )
