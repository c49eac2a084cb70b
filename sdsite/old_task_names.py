"""The task names of the release before: messages under them are in flight during an upgrade."""

import celery

APPS = ("accounts", "billing", "generation")


def register(app: celery.Celery) -> None:
    """Have "generation.tasks.work" run "generation.work", and so on. Safe to call twice.

    The tasks must be loaded.
    """
    for name, task in list(app.tasks.items()):
        package, _, verb = name.partition(".")
        old = f"{package}.tasks.{verb}"
        if package in APPS and "." not in verb and old not in app.tasks:
            # A task of its own, not the same one twice: a worker logs and retries under the task's name.
            alias = type(task)()
            alias.name = old
            app.register_task(alias)
