"""Heartbeats without workers."""

from unittest import mock

from generation.models import Job
from generation.queue import heartbeats
from generation.queue.heartbeats import Heartbeat, Pace, RunningJob, Totals


def say(name: str = "machine:1", **changes: object) -> Heartbeat:
    """Publish an idle worker's heartbeat, or one with `running` jobs."""
    running = changes.pop("running", ())
    heartbeat = Heartbeat(
        **{
            "worker": name,
            "device": "cpu",
            "slots": 2,
            "is_stopping": False,
            "warm": ("sketchbook",),
            "running": tuple(_work(job) for job in running),
            "totals": Totals(steps=10, rows=40, busy_us={"step": 3_000_000, "decode": 500_000}),
            "pace": Pace(steps_per_second=1.5, rows_per_step=4.0, busy_share=0.75),
            **changes,
        }
    )
    # On a slow machine, a test may take longer than a heartbeat is good for.
    with mock.patch.object(heartbeats, "EXPIRY_SECONDS", 3_600):
        heartbeats.say(heartbeat)
    return heartbeat


def _work(job: Job) -> RunningJob:
    return RunningJob(job=str(job.pk), phase="denoising", step=7, steps=20)
