"""Patience with leases after an outage of PostgreSQL.

While it is away no worker can renew its leases, so all of them may have lapsed when it comes back. The workers
renew them within seconds, unless somebody reaps first and blames the jobs. A reaper may have met no error: the
outage fell between two of its looks, or cut off the workers alone. The leases and heartbeats then tell. A lone
worker whose heartbeat stopped, too, can't be told from a dead one.
"""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError

from generation.models import Job
from generation.queue.heartbeats import Heartbeat

# Long enough for a connection, a renewal that is due, and a second try.
RENEWALS = 3
# Of workers that an outage cuts off at once, the last renewals are no further apart.
RENEWALS_APART = 2


class Outages:
    """The outages that one reaper has seen. Threads may share it."""

    def __init__(self) -> None:
        self._is_away = False
        self._patient_until = float("-inf")

    @contextmanager
    def noticing(self) -> Iterator[None]:
        """Notice an outage by an error of the queries inside, which is raised on."""
        try:
            yield
        except (OperationalError, InterfaceError):
            self._is_away = True
            raise

    def are_over(self) -> bool:
        """True if leases can be believed. Call it after a query that was answered."""
        now = time.monotonic()
        if self._is_away:
            self._is_away = False
            self._patient_until = now + patience().total_seconds()
        return now >= self._patient_until


def patience() -> timedelta:
    """The time that workers need to renew their leases once PostgreSQL is back."""
    return timedelta(seconds=RENEWALS * settings.LEASE_RENEWAL_SECONDS)


def is_at_work(job: Job, alive: Collection[Heartbeat]) -> bool:
    """True if the job's worker reports that it still runs the job."""
    reports = (report for report in alive if report.worker == job.worker)
    return any(running.job == str(job.pk) for report in reports for running in report.running)


def is_common_to_workers(job: Job, lapsed: Collection[Job]) -> bool:
    """True if another worker's lease lapsed at about the same time as the job's."""
    apart = timedelta(seconds=RENEWALS_APART * settings.LEASE_RENEWAL_SECONDS)
    others = (other for other in lapsed if other.worker != job.worker)
    return any(_time_between(job, other) <= apart for other in others)


def _time_between(one: Job, other: Job) -> timedelta:
    assert one.lease_expires_at and other.lease_expires_at, "running jobs have leases"
    return abs(one.lease_expires_at - other.lease_expires_at)
