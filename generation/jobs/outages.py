"""Patience with leases after an outage of PostgreSQL.

While it is away no worker can renew its leases, so all of them may have lapsed when it comes back. The workers
renew them within seconds, unless somebody reaps first and blames the jobs.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import InterfaceError, OperationalError

# Long enough for a connection, a renewal that is due, and a second try.
RENEWALS = 3


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
            self._patient_until = now + RENEWALS * settings.LEASE_RENEWAL_SECONDS
        return now >= self._patient_until
