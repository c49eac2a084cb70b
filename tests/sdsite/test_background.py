"""`manage.py background`: a queue and threads of its own for all tasks but jobs."""

import os
import sys

import psutil
import pytest
import redis
from celery import current_app

from accounts import bells
from billing.models import StripeEvent
from sdsite.processes import Child
from tests.running import is_ours, wait_for

# As manage.py does it; it says when it is ready and what it warmed up in a thread is loaded.
BACKGROUND = """
import sys, threading
from pathlib import Path
import django
django.setup()
from celery.signals import worker_ready
from django.core.management import call_command
from sdsite.celery import app
app.loader.import_default_modules()

def note(**kwargs):
    for thread in threading.enumerate():
        if thread.name == "warm-up":
            thread.join()
    Path(sys.argv[2]).touch()

worker_ready.connect(note, weak=False)
call_command(sys.argv[1])
"""


def queue_of(task):
    return current_app.amqp.router.route({}, task)["queue"].name


def test_workers_take_jobs_alone(settings):
    current_app.loader.import_default_modules()
    ours = {name for name in current_app.tasks if not name.startswith("celery.")}

    of_workers = {name for name in ours if queue_of(name) == settings.JOB_QUEUE}
    in_background = {name for name in ours if queue_of(name) == settings.BACKGROUND_QUEUE}

    assert of_workers == {"generation.work"}
    assert in_background == ours - of_workers


@pytest.mark.django_db(transaction=True)
def test_background_tasks_run_without_an_engine_and_leave_jobs_alone(settings, tmp_path):
    StripeEvent.objects.create(
        id="evt_1", type="customer.created", payload={"type": "customer.created", "data": {}}
    )
    bells.ring("generation.work")
    bells.ring("billing.process_event", "evt_1")

    ready = tmp_path / "ready"
    command = (sys.executable, "-c", BACKGROUND, "background", ready)
    with Child("background", command, env=os.environ) as child:
        wait_for(
            lambda: (
                (ready.exists() and StripeEvent.objects.exclude(processed_at=None).exists())
                or child.status is not None
            )
        )
        assert child.status is None
        assert not any("libtorch" in path for path in loaded_by(os.getpid()))

    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        assert broker.llen(settings.JOB_QUEUE) == 1


def loaded_by(parent):
    """The files that the background process below `parent` has mapped into its memory."""
    children = psutil.Process(parent).children(recursive=True)
    (process,) = [each for each in children if is_ours(each, "background")]
    return [mapping.path for mapping in process.memory_maps()]
