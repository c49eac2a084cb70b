"""The process that says when a task is due."""

import celery.beat
from celery.apps import beat


class Beat(beat.Beat):
    """The framework's, but it can be asked to end at any moment of its start."""

    def install_sync_handler(self, service: celery.beat.Service) -> None:
        """Have a signal save the schedule, once there is one.

        The framework's handler builds the scheduler where none is yet: in the midst of being built, and of
        the imports that this takes, if the signal comes then.
        """
        service.scheduler  # noqa: B018  # it is built when it is first asked for
        super().install_sync_handler(service)
