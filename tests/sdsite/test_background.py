"""`manage.py background`: a queue and threads of its own for all tasks but jobs."""

import os
import sys

import psutil
import pytest
import redis
from celery import current_app

from accounts import bells
from billing.models import StripeEvent
from sdsite.processes import PROJECT, Child
from tests.running import is_ours, wait_for

BACKGROUND = (sys.executable, PROJECT / "manage.py", "background")


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
def test_background_tasks_run_without_an_engine_and_leave_jobs_alone(settings):
    StripeEvent.objects.create(
        id="evt_1", type="customer.created", payload={"type": "customer.created", "data": {}}
    )
    bells.ring("generation.work")
    bells.ring("billing.process_event", "evt_1")

    with Child("background", BACKGROUND, env=os.environ) as child:
        wait_for(
            lambda: (
                StripeEvent.objects.exclude(processed_at=None).exists() or child.status is not None
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
