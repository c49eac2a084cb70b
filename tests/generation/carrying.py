"""Jobs claimed and ended without a worker, with fixed charges."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from generation import jobs
from generation.engine.charges import Charge
from generation.images.storage import StoredPicture
from generation.models import Job, Pause, Status
from tests.generation.rows import make_request

# 1,234 ms in all, without the load, which is free.
CHARGES = (
    Charge(phase="load", us=900_000, billed=False),
    Charge(phase="encode", us=34_000),
    Charge(phase="step", index=1, us=550_000),
    Charge(phase="step", index=2, us=550_400),
    Charge(phase="decode", index=1, us=100_000),
)
CHARGED_MS = 1_234
PICTURE = StoredPicture(
    index=0, seed=7, width=64, height=64, file="a.png", thumbnail="a.webp", bytes=100
)


def submit(user: User, **values: object) -> Job:
    """A small queued job, with a hold above the cost of CHARGES."""
    job = jobs.submit(user, make_request(**{"num_inference_steps": 100, **values}))
    assert job.hold_ms > CHARGED_MS
    return job


def claim(**options: object) -> Job:
    job = jobs.claim(worker="machine:1", **options)
    assert job is not None
    return job


def submit_and_claim(user: User, **values: object) -> Job:
    job = submit(user, **values)
    claimed = claim()
    assert claimed == job
    return claimed


def finish(job: Job) -> None:
    jobs.finish(job, [PICTURE], CHARGES)


def pause_after(job: Job, *, waited: int, ran: int) -> None:
    """Hand back a job that was claimed after some seconds in line, and then ran for some."""
    jobs.pause(job, step=3, why=Pause.PAID_FIRST)
    claimed_at = timezone.now() - timedelta(seconds=ran)
    moves = job.transitions.filter(became=Status.RUNNING, attempt=job.attempt)
    moves.update(at=claimed_at)
    Job.objects.filter(pk=job.pk).update(queued_at=claimed_at - timedelta(seconds=waited))


def let_lapse(*lapsed: Job) -> None:
    """Let the leases lapse, as if the workers had died long ago."""
    past = timezone.now() - timedelta(hours=1)
    Job.objects.filter(pk__in=[job.pk for job in lapsed]).update(lease_expires_at=past)
