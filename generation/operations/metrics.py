"""Prometheus metrics of jobs and workers, from rows, shared counters and heartbeats.

They are the site's, so every process reports the same. Metrics of a single process are defined where they
are measured: see `live.consumer` and `sdsite.request_metrics`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from django.db.models import Count
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.models import ACTIVE, Job, Status
from generation.queue import background, counters, heartbeats
from generation.queue.counters import Name
from generation.queue.heartbeats import Heartbeat
from generation.queue.waits import longest_wait

_GAUGES: tuple[tuple[str, str, Callable[[Heartbeat], float]], ...] = (
    ("slots", "Jobs that the worker may run at once.", lambda worker: worker.slots),
    ("running_jobs", "Jobs that the worker runs.", lambda worker: len(worker.running)),
    (
        "busy_share",
        "Share of the last seconds in which the device was busy.",
        lambda worker: worker.pace.busy_share,
    ),
    (
        "batch_rows",
        "Rows of a forward pass on average, over the last seconds.",
        lambda worker: worker.pace.rows_per_step,
    ),
)


def of_rows() -> Iterator[Metric]:
    """Metrics of unfinished jobs. Raises a database error."""
    jobs = Job.objects.active().order_by().values("status", "checkpoint")
    counts: dict[Name, int] = {
        (status, checkpoint): 0 for status in ACTIVE for checkpoint in CHECKPOINTS
    }
    for row in jobs.annotate(count=Count("pk")):
        counts[row["status"], row["checkpoint"]] = row["count"]
    yield _labeled(
        GaugeMetricFamily(
            "sdsite_jobs", "Jobs that have not ended.", labels=["status", "checkpoint"]
        ),
        counts,
    )
    depth = sum(count for name, count in counts.items() if name[0] == Status.QUEUED)
    yield GaugeMetricFamily("sdsite_queue_depth", "Jobs in line.", value=depth)
    yield GaugeMetricFamily(
        "sdsite_queue_oldest_wait_seconds",
        "How long the job has waited that has waited longest; 0 if none waits.",
        value=longest_wait(Job.objects.queued()).total_seconds(),
    )


def of_tally() -> Iterator[Metric]:
    """Metrics of job events since Valkey was emptied. Raises redis.RedisError."""
    counts = counters.read()
    for kind, text in (
        (counters.SUBMITTED, "Jobs that were submitted."),
        (counters.STARTED, "Jobs that a worker began, each attempt counted."),
        (counters.RETURNED, "Jobs that came back in line because their worker ended or was lost."),
    ):
        family = CounterMetricFamily(f"sdsite_jobs_{kind}", text, labels=["checkpoint"])
        yield _labeled(family, _of(counts, kind))
    yield _labeled(
        CounterMetricFamily(
            "sdsite_jobs_ended",
            "Jobs that ended; those that failed with the reason.",
            labels=["status", "reason", "checkpoint"],
        ),
        _of(counts, counters.ENDED),
    )
    yield _labeled(
        CounterMetricFamily(
            "sdsite_charged_seconds", "GPU time that customers paid for.", labels=["checkpoint"]
        ),
        {name: ms / 1_000 for name, ms in _of(counts, counters.CHARGED_MS).items()},
    )
    yield _start_waits(counts)


def of_heartbeats() -> Iterator[Metric]:
    """Metrics of workers. Raises redis.RedisError."""
    alive = heartbeats.alive()
    yield GaugeMetricFamily("sdsite_workers", "Workers that are heard from.", value=len(alive))
    for name, text, read in _GAUGES:
        family = GaugeMetricFamily(f"sdsite_worker_{name}", text, labels=["worker", "device"])
        yield _labeled(family, {_labels(worker): read(worker) for worker in alive})
    yield _labeled(
        GaugeMetricFamily(
            "sdsite_worker_warm_checkpoint",
            "1 for each checkpoint that is in the worker's memory.",
            labels=["worker", "device", "checkpoint"],
        ),
        {(*_labels(worker), checkpoint): 1 for worker in alive for checkpoint in worker.warm},
    )
    yield from _work_done(alive)


def of_background() -> Iterator[Metric]:
    """Metrics of the background process. Raises redis.RedisError."""
    yield GaugeMetricFamily(
        "sdsite_background_heard_timestamp_seconds",
        "When a background process last did what beat rings for every five seconds; 0 for never.",
        value=background.heard_at(),
    )


def _work_done(alive: Iterable[Heartbeat]) -> Iterator[Metric]:
    labels = ["worker", "device"]
    yield _labeled(
        CounterMetricFamily(
            "sdsite_worker_steps", "Forward passes of the denoiser.", labels=labels
        ),
        {_labels(worker): worker.totals.steps for worker in alive},
    )
    yield _labeled(
        CounterMetricFamily(
            "sdsite_worker_rows", "Rows of those passes: by steps, the batch size.", labels=labels
        ),
        {_labels(worker): worker.totals.rows for worker in alive},
    )
    yield _labeled(
        CounterMetricFamily(
            "sdsite_worker_busy_seconds", "Time that the device worked.", labels=[*labels, "phase"]
        ),
        {
            (*_labels(worker), phase): us / 1_000_000
            for worker in alive
            for phase, us in worker.totals.busy_us.items()
        },
    )


def _start_waits(counts: Mapping[Name, int]) -> HistogramMetricFamily:
    waited = _of(counts, counters.WAITED)
    buckets, so_far = [], 0
    for bound in (*map(str, counters.WAIT_BOUNDS), counters.BEYOND):
        so_far += waited.get((bound,), 0)
        buckets.append((bound, float(so_far)))
    return HistogramMetricFamily(
        "sdsite_start_wait_seconds",
        "How long jobs were in line before a worker took them.",
        buckets=buckets,
        sum_value=counts.get((counters.WAITED_MS,), 0) / 1_000,
    )


def _of(counts: Mapping[Name, int], kind: str) -> dict[Name, int]:
    """The counts of one kind, by their labels."""
    return {name[1:]: count for name, count in counts.items() if name[0] == kind}


def _labels(worker: Heartbeat) -> tuple[str, str]:
    return worker.worker, worker.device


def _labeled(
    family: CounterMetricFamily | GaugeMetricFamily,
    values: Mapping[tuple[str, ...], float],
) -> Metric:
    for labels, value in sorted(values.items()):
        family.add_metric(labels, value)
    return family
