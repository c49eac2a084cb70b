"""Prometheus metrics of webhook events and of the last reconciliation."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from billing import event_inbox, reconciliation


def of_events() -> Iterator[Metric]:
    """The payment provider's events. Raises a database's error."""
    backlog = event_inbox.backlog()
    yield GaugeMetricFamily(
        "sdsite_webhook_lag_seconds",
        "Age of the oldest event of the payment provider that is still to be processed.",
        value=backlog.lag.total_seconds(),
    )
    family = GaugeMetricFamily(
        "sdsite_webhook_events",
        "Events that are not processed: waiting, of those failed before, and given up.",
        labels=["state"],
    )
    for state in ("waiting", "failed", "given_up"):
        family.add_metric([state], getattr(backlog, state))
    yield family


def of_books() -> Iterator[Metric]:
    """The last reconciliation; no value before the first. Raises redis.RedisError."""
    last = reconciliation.last()
    differences = GaugeMetricFamily(
        "sdsite_ledger_differences", "Places in which the books differed when last compared."
    )
    compared = GaugeMetricFamily(
        "sdsite_ledger_compared_timestamp_seconds", "When the books were last compared."
    )
    if last is not None:
        differences.add_metric([], len(last.differences))
        compared.add_metric([], last.at.timestamp())
    yield from (differences, compared)
