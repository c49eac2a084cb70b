"""Celery messages that may be lost: the database row holds the work, the message only announces it."""

import logging

from celery import current_app
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def ring(task: str, *args: str) -> None:
    """Send a task by its name. An unreachable broker is logged only: beat finds the work later.

    Call it after the commit (`transaction.on_commit`), or a worker may look before the row is there.
    """
    try:
        # By name, so that no module has to import the tasks that import it.
        current_app.send_task(task, args, ignore_result=True)
    except OperationalError:
        log.warning("could not ring %s", task)
