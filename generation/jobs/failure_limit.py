"""A limit for users whose jobs fail again and again because of their own requests.

Such a job costs nothing, however much of the device's time it took. Within a window, as much as that of the
jobs that succeeded is the house's risk; beyond it, each failure doubles the pause before the next job.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Max, Sum
from django.utils import timezone
from django.utils.translation import ngettext

from generation.models import Job, Status
from generation.models.failures import BY_REQUEST

if TYPE_CHECKING:
    from accounts.models import User

WINDOW = timedelta(hours=1)
FREE_FAILURES = 3
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=30)
_DEVICE_MS = Sum("device_ms", default=0)


class TooManyFailures(Exception):
    """The user's latest jobs failed because of their requests. Nothing was written.

    `retry_after` is in seconds.
    """

    def __init__(self, pause: timedelta) -> None:
        self.retry_after = max(1, round(pause.total_seconds()))
        minutes = -(-self.retry_after // 60)
        super().__init__(
            ngettext(
                "Your last pictures failed because of their settings. Change them, and try again in "
                "%(minutes)d minute.",
                "Your last pictures failed because of their settings. Change them, and try again in "
                "%(minutes)d minutes.",
                minutes,
            )
            % {"minutes": minutes}
        )


def require_pause(user: "User") -> None:
    """One query, and a second one after FREE_FAILURES. Raises TooManyFailures."""
    now = timezone.now()
    recent = Job.objects.for_user(user).filter(finished_at__gt=now - WINDOW)
    failed = recent.filter(status=Status.FAILED, error_code__in=BY_REQUEST)
    seen = failed.aggregate(count=Count("pk"), last=Max("finished_at"), ms=_DEVICE_MS)
    if seen["count"] < FREE_FAILURES:
        return
    succeeded = recent.filter(status=Status.SUCCEEDED).aggregate(ms=_DEVICE_MS)
    if seen["ms"] <= succeeded["ms"]:
        return
    ends_at = seen["last"] + _pause_after(seen["count"])
    if now < ends_at:
        raise TooManyFailures(ends_at - now)


def _pause_after(failures: int) -> timedelta:
    doublings = min(failures - FREE_FAILURES, 10)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)
