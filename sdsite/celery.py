"""The Celery application. A task message only announces work: see `accounts.bells`."""

import os
from functools import cached_property
from typing import Any

import celery
from celery import signals

from sdsite import file_modes, old_task_names

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sdsite.settings")


class Celery(celery.Celery):
    """Celery with this site's beat."""

    @cached_property
    def Beat(self) -> type:  # noqa: N802  # the framework's name
        """The class that `celery beat` runs."""
        return self.subclass_with_self("sdsite.beat:Beat")  # type: ignore[arg-type]  # a name will do


app = Celery("sdsite")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Pool threads look up the default application; without one, they use an unconfigured one and drop work.
app.set_default()
app.autodiscover_tasks()


@signals.setup_logging.connect
def leave_logging_to_django(**kwargs: Any) -> None:
    """With a receiver, Celery adds no handlers of its own, whose lines would not be cleaned."""


@signals.celeryd_init.connect
def restrict_files(**kwargs: Any) -> None:
    file_modes.restrict()


@signals.import_modules.connect(sender=app)
def register_old_task_names(**kwargs: Any) -> None:
    """Runs after autodiscovery, which loads the tasks by the same signal and is connected earlier."""
    old_task_names.register(app)
