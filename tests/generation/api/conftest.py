"""Fixtures for requests that wait for a job."""

import pytest

from generation import jobs
from generation.api import wait
from generation.models import Job
from tests.generation.carrying import CHARGES
from tests.generation.rows import make_image


@pytest.fixture
def short_waits(monkeypatch):
    monkeypatch.setattr(wait, "LONGEST_SECONDS", 1.0)


@pytest.fixture
def worker(monkeypatch):
    """End each job once it is waited for."""

    async def until_ended(job, **options):
        return await wait.in_thread(finished)(job)

    def finished(job):
        if not job.is_final:
            claimed = jobs.claim(worker="machine:1")
            for index in range(job.generation_request.num_images):
                make_image(claimed, index=index, size=(128, 128))
            jobs.finish(claimed, [], CHARGES)
        return Job.objects.get(pk=job.pk)

    monkeypatch.setattr(wait, "until_ended", until_ended)
