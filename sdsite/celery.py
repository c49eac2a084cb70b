"""The Celery application. A task message is a bell, never the truth: see `generation.jobs`."""

import os
from functools import cached_property
from typing import Any

import celery
from celery import signals

from sdsite import old_task_names

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sdsite.settings")


class Celery(celery.Celery):
    """The framework's, but for how its beat starts."""

    @cached_property
    def Beat(self) -> type:  # noqa: N802  # the framework's name
        """What `celery beat` runs."""
        return self.subclass_with_self("sdsite.beat:Beat")  # type: ignore[arg-type]  # a name will do


app = Celery("sdsite")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Pool threads look the application up anew; without a default they find an unconfigured one and drop work.
app.set_default()
app.autodiscover_tasks()


@signals.import_modules.connect(sender=app)
def register_old_task_names(**kwargs: Any) -> None:
    """Connected after autodiscovery, which loads the tasks by the same signal, and so called after it."""
    old_task_names.register(app)
