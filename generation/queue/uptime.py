"""Device uptime by day, for the operator's margin."""

from django.db.models import F
from django.utils import timezone

from generation.models import Uptime


def note(device: str, *, ms: int) -> None:
    """Add `ms` to today's uptime of this kind of device."""
    row, _is_new = Uptime.objects.get_or_create(device=device, day=timezone.now().date())
    Uptime.objects.filter(pk=row.pk).update(ms=F("ms") + ms)
