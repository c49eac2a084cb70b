"""The thread that ends the process when another of the worker's threads is stuck.

What never returns cannot be interrupted. The process ends, its jobs are reaped, and it is started again.
"""

import logging
import os
import threading
import time
from collections.abc import Mapping

from django.conf import settings

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
# The watchdog itself was stopped if its looks are so far apart.
PAUSE_SECONDS = 10.0


class Pulse:
    """The time since a thread last made progress. Any thread may ask."""

    def __init__(self) -> None:
        self.beat()

    def beat(self) -> None:
        self._beaten_at = time.monotonic()

    @property
    def silent_seconds(self) -> float:
        return time.monotonic() - self._beaten_at


class Watchdog:
    """Call `run` in a thread of its own; it returns once `is_closed` is set.

    It waits for no server and for no lock that another thread may keep.
    """

    def __init__(self, pulses: Mapping[str, Pulse]) -> None:
        self._pulses = pulses

    def run(self, is_closed: threading.Event) -> None:
        own = Pulse()
        while not is_closed.wait(LOOK_SECONDS):
            # After a pause of the whole process, such as a virtual machine's, every thread looks stuck.
            was_paused = own.silent_seconds > PAUSE_SECONDS
            own.beat()
            if not was_paused:
                self._look()

    def _look(self) -> None:
        for name, pulse in self._pulses.items():
            if pulse.silent_seconds > settings.WORKER_STALL_SECONDS:
                _end(name)


def _end(name: str) -> None:
    seconds = settings.WORKER_STALL_SECONDS
    log.critical("the worker ends: its %s made no progress for %d s", name, seconds)
    os._exit(os.EX_SOFTWARE)
