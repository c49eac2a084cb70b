"""The log of requests that come with a key: kept for as long as somebody may want to know."""

from datetime import timedelta

from django.utils import timezone

from generation.models.api import Call

KEPT = timedelta(days=30)


def prune() -> int:
    """Forget what is older; returns how many there were."""
    count, _by_model = Call.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    return count
