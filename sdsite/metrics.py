"""GET /metrics for Prometheus: counters of this process, and gauges of the whole site.

Requests, websockets and memory differ between processes. Jobs, workers and money are read from the database
and Valkey at each scrape, and are the same in every process. docs/operating.md says how to aggregate each.
"""

import ipaddress
import logging
from collections.abc import Callable, Iterable, Iterator

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from billing import metrics as money
from generation.operations import metrics as work

log = logging.getLogger(__name__)

PARTS: dict[str, Callable[[], Iterator[Metric]]] = {
    "jobs": work.of_rows,
    "tally": work.of_tally,
    "workers": work.of_heartbeats,
    "background": work.of_background,
    "events": money.of_events,
    "books": money.of_books,
}
# Headers that a proxy adds: behind a proxy, every request comes from this machine.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Via")


class SiteCollector(Collector):
    """Collects the site's gauges. A part whose server is down is left out and reported."""

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily(
            "sdsite_part_up", "Whether this part of the metrics could be read.", labels=["part"]
        )
        for name, part in PARTS.items():
            try:
                yield from list(part())
            except Exception as error:  # noqa: BLE001  # whatever it is, this part is missing
                log.warning("no metrics of %s: %s", name, error)
                up.add_metric([name], 0)
            else:
                up.add_metric([name], 1)
        yield up


# Creation times double the text, and nobody uses them.
disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
SITE = CollectorRegistry(auto_describe=False)
SITE.register(SiteCollector())


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """401 without the configured token; without one configured, 403 to other machines."""
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        if not constant_time_compare(given, f"Bearer {settings.METRICS_TOKEN}"):
            return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    elif not _is_from_this_machine(request):
        raise PermissionDenied
    return HttpResponse(
        generate_latest(REGISTRY) + generate_latest(SITE), content_type=CONTENT_TYPE_LATEST
    )


def _is_from_this_machine(request: HttpRequest) -> bool:
    if settings.BEHIND_PROXY or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
