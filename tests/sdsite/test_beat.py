"""A real `celery beat` that gets a signal while it starts."""

import os
import signal
import subprocess
import sys

import pytest
from celery.beat import PersistentScheduler

from sdsite.processes import PROJECT

pytestmark = pytest.mark.slow


class Interrupted(PersistentScheduler):
    """A scheduler that signals its process while it is built."""

    def __init__(self, *args, lazy=False, **kwargs):
        if not lazy:
            os.kill(os.getpid(), signal.SIGTERM)
        super().__init__(*args, lazy=lazy, **kwargs)


def test_asked_to_end_while_it_starts_it_ends_without_an_error():
    beat = subprocess.run(
        [
            sys.executable,
            "-m",
            "celery",
            "--app=sdsite",
            "beat",
            f"--scheduler={__name__}:Interrupted",
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert beat.returncode == -signal.SIGTERM
    assert beat.stderr == ""
