"""Health endpoints: liveness of the process, readiness of the site, and of its workers."""

import functools
import logging
from collections.abc import Callable
from datetime import timedelta

from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import resolve
from django.utils import timezone

from generation.models import Job

log = logging.getLogger(__name__)

# The longest that a job may wait while no worker runs any, before /workerz fails.
WAIT = timedelta(seconds=60)
PROBES = frozenset({"/healthz", "/readyz", "/workerz"})

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class NotReady(Exception):
    """A part of the site is not ready; the message says why."""


def answer_probes(get_response: GetResponse) -> GetResponse:
    """Answers the health endpoints. Must run before any middleware that reads a session.

    A session is in the servers that a probe asks after: reading it would wait for them once more.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        if request.path_info not in PROBES:
            return get_response(request)
        request.resolver_match = resolve(request.path_info)
        response: HttpResponseBase = request.resolver_match.func(request)
        return response

    return answer


def healthz(request: HttpRequest) -> HttpResponse:
    """Liveness: always 200."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """The status of each part as JSON; 503 after the first that fails. The log has the reason.

    The worker is shown only: without one, sign-in, billing and the gallery still work.
    """
    parts = {}
    for name, check in CHECKS.items():
        parts[name] = _passes(name, check)
        if not parts[name]:
            return JsonResponse(parts, status=503)
    return JsonResponse({**parts, "worker": _passes("worker", _worker)})


def workerz(request: HttpRequest) -> HttpResponse:
    """503 if jobs wait and no worker runs any, or if that can't be read."""
    is_working = _passes("worker", _worker)
    return JsonResponse({"worker": is_working}, status=200 if is_working else 503)


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
}
