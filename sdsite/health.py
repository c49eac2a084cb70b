"""Health endpoints: liveness of the process, and readiness of the site."""

import functools
import logging
from collections.abc import Callable
from datetime import timedelta

from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from generation.models import Job

log = logging.getLogger(__name__)

# The longest that a job may wait while no worker runs any, before /readyz fails.
WAIT = timedelta(seconds=60)


class NotReady(Exception):
    """A part of the site is not ready; the message says why."""


def healthz(request: HttpRequest) -> HttpResponse:
    """Liveness: always 200."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """The status of each part as JSON; 503 if one fails. The log has the reasons."""
    parts = {name: _passes(name, check) for name, check in CHECKS.items()}
    return JsonResponse(parts, status=200 if all(parts.values()) else 503)


def _passes(name: str, check: Callable[[], None]) -> bool:
    try:
        check()
    except Exception as error:  # noqa: BLE001  # whatever it is, this part does not work
        log.warning("%s is not ready: %s", name, error)
        return False
    return True


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _valkey() -> None:
    cache.set("readyz", 1, timeout=1)


@functools.cache  # applied migrations stay applied; a failure raises, and so is not cached
def _migrations() -> None:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise NotReady(f"{len(missing)} migrations are not applied")


def _worker() -> None:
    now = timezone.now()
    waiting = Job.objects.queued().filter(queued_at__lt=now - WAIT)
    if waiting.exists() and not Job.objects.running().filter(lease_expires_at__gt=now).exists():
        raise NotReady("jobs wait and no worker runs any")


CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "valkey": _valkey,
    "migrations": _migrations,
    "worker": _worker,
}
