"""The thread that returns the jobs of dead workers to the queue, also while beat is away."""

import logging
import random
import threading

from django.conf import settings
from django.db import close_old_connections

from generation import jobs
from generation.jobs.outages import Outages

log = logging.getLogger(__name__)


class Reaper:
    """Call `run` in a thread of its own; it returns once `is_closed` is set.

    Beat has it done far more often. Any number of reapers may do it at once: each job is moved once.
    """

    def __init__(self) -> None:
        self._outages = Outages()

    def run(self, is_closed: threading.Event) -> None:
        while not is_closed.wait(_pause_seconds()):
            try:
                with self._outages.noticing():
                    # First, so that an answer says that PostgreSQL is back.
                    jobs.ring_for_waiting()
                    if self._outages.are_over() and jobs.reap():
                        jobs.ring_for_waiting()
            except Exception:
                # A missing server comes back.
                log.exception("the reaper could not look for lapsed leases")
            close_old_connections()


def _pause_seconds() -> float:
    # Spread out, or the workers of a restarted site would all look at the same moment.
    return settings.WORKER_REAP_SECONDS * random.uniform(0.5, 1.5)  # noqa: S311  # no secret
