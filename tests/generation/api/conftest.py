"""Fixtures for requests that wait for a job, and a site for programs."""

import pytest

from generation import jobs
from generation.api import wait
from generation.engine.checkpoints.store import descriptor
from generation.models import Job
from tests.generation.api.site import UPSCALER
from tests.generation.carrying import CHARGES
from tests.generation.rows import make_image
from tests.running import Site


@pytest.fixture(scope="package")
def site(new_data_folder):
    """A running site with an upscaler. All modules that use it are in a group of tests."""
    from tests.engine.toy_checkpoints import TOYS, write  # noqa: PLC0415  # slow import: torch

    data = new_data_folder()
    folder = data / "checkpoints" / UPSCALER
    write(TOYS[UPSCALER], folder)
    descriptor.write(TOYS[UPSCALER].checkpoint, folder)
    with Site(data) as site:
        yield site


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
