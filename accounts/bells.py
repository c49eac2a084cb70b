"""Celery messages that may be lost: the row says what is to be done, the message only that it is."""

import logging
from typing import Any

from celery import Task
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def ring(task: "Task[..., Any]", *args: str) -> None:
    """Send a task without depending on the broker: if it is down, beat will find the work."""
    try:
        task.delay(*args)
    except OperationalError:
        log.warning("could not ring %s", task.name)
