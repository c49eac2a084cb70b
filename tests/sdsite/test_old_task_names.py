"""Task names of the release before, which its beat and its web processes still send during an upgrade."""

import pytest
from django.conf import settings
from django.core import mail as django_mail

from accounts.models import Mail
from sdsite.celery import app

OLD_NAMES = [
    "accounts.tasks.erase",
    "accounts.tasks.erase_accounts",
    "accounts.tasks.make_export",
    "accounts.tasks.make_exports",
    "accounts.tasks.send_mail",
    "accounts.tasks.send_mails",
    "accounts.tasks.tidy",
    "billing.tasks.cancel_again",
    "billing.tasks.cancel_all_again",
    "billing.tasks.catch_up",
    "billing.tasks.deliver_sandbox_event",
    "billing.tasks.expire",
    "billing.tasks.grant_due_months",
    "billing.tasks.process_event",
    "billing.tasks.process_events",
    "billing.tasks.reconcile",
    "billing.tasks.renew_sandbox_subscriptions",
    "billing.tasks.tell_minutes",
    "generation.tasks.reap",
    "generation.tasks.send_webhook",
    "generation.tasks.send_webhooks",
    "generation.tasks.start_parked",
    "generation.tasks.sweep",
    "generation.tasks.work",
]


@pytest.fixture(autouse=True)
def _loaded():
    """Load the tasks as a worker does when it starts."""
    app.loader.import_default_modules()


def received(name, *args):
    """Send a message as the release before does, and take it from the queue as a worker does."""
    sent = app.send_task(name, args, queue=settings.JOB_QUEUE)
    with (
        app.connection_for_read() as connection,
        connection.SimpleQueue(settings.JOB_QUEUE) as queue,
    ):
        while True:
            message = queue.get(timeout=60)
            message.ack()
            if message.headers["id"] == sent.id:
                return message


def run_by(task):
    """The function that a task runs, below the retries that Celery wraps around it."""
    return getattr(task, "_orig_run", task.run)


@pytest.mark.parametrize("old", OLD_NAMES)
def test_an_old_name_runs_the_same_function(old):
    new = old.replace(".tasks.", ".")

    assert run_by(app.tasks[old]) is run_by(app.tasks[new])
    assert app.tasks[old].name == old
    assert app.tasks[new].name == new


def test_every_task_of_ours_has_its_old_name():
    new = {name for name in app.tasks if name.count(".") == 1 and not name.startswith("celery.")}

    assert {old.replace(".tasks.", ".") for old in OLD_NAMES} == new


def test_an_old_name_retries_as_the_new_one_does():
    old = app.tasks["billing.tasks.deliver_sandbox_event"]

    assert old.autoretry_for == app.tasks["billing.deliver_sandbox_event"].autoretry_for
    assert old.run is not run_by(old)


def test_registering_twice_changes_nothing():
    before = {name: run_by(task) for name, task in app.tasks.items()}

    app.loader.import_default_modules()

    assert {name: run_by(task) for name, task in app.tasks.items()} == before


@pytest.mark.django_db
def test_a_message_of_the_release_before_is_accepted(alice):
    mail = Mail.objects.create(to=alice.email, subject="Hello", text="Hello", html="<p>Hello</p>")
    message = received("accounts.tasks.send_mail", str(mail.pk))

    args, kwargs, _embed = message.payload
    app.tasks[message.headers["task"]](*args, **kwargs)

    assert not Mail.objects.filter(pk=mail.pk).exists()
    assert [each.subject for each in django_mail.outbox] == ["Hello"]


def test_what_beat_sends_is_a_task():
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= app.tasks.keys()
