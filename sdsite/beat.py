"""Celery beat with a private schedule file, which a signal can end at any moment of its start."""

import celery.beat
from celery.apps import beat

from sdsite import file_modes


class Beat(beat.Beat):
    """Celery's beat, with a signal handler that is safe during startup."""

    def install_sync_handler(self, service: celery.beat.Service) -> None:
        """Build the scheduler before installing the handler that saves its schedule.

        Celery's handler builds the scheduler if it is missing. A signal during startup would build it a
        second time, in the middle of the first.
        """
        file_modes.restrict()
        service.scheduler  # noqa: B018  # the property builds it
        super().install_sync_handler(service)
