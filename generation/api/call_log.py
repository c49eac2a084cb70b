"""The call log: request ids, and how long calls are kept."""

from datetime import timedelta
from uuid import UUID, uuid4

import structlog
from django.utils import timezone

from generation.models.api import Call

KEPT = timedelta(days=30)


def request_id() -> UUID:
    """The id of the current request, the same as in the server's logs."""
    known = structlog.contextvars.get_contextvars().get("request_id")
    return UUID(known) if known else uuid4()


def prune() -> int:
    """Delete calls older than KEPT; returns their number."""
    count, _by_model = Call.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    return count
