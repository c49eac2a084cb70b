"""A sign of life of the background process, for the metrics: jobs run without it, and all else waits."""

import time

from django.core.cache import cache

_NAME = "background_heard"


def note() -> None:
    """Note that the background process works off its queue. An unreachable cache is an error."""
    cache.set(_NAME, time.time(), timeout=None)


def heard_at() -> float:
    """The Unix time of the last note; 0 if there is none."""
    return float(cache.get(_NAME, 0.0))
