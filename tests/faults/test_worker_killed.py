"""Workers die at random moments of a mixed load, and the site recovers by itself."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter

import PIL.Image
import pytest
from django.core.files.storage import FileSystemStorage
from PIL import ImageChops

from billing.models import Entry, Hold, Subscription
from generation import jobs
from generation.images import marker
from generation.jobs import saved_runs
from generation.models import FINAL, Job, KeptState, Speed, Status, Transition
from sdsite.processes import PROJECT
from tests.billing.books import balance
from tests.faults.losses import Killed, losses, read_states
from tests.generation.books import assert_books_balance
from tests.generation.rows import make_request
from tests.running import wait_for

JOBS = 20
KILLS = int(os.environ.get("KILLS", "10"))
# The jobs are short: most would end before their first state if it came as late as on a site.
SAVE_SECONDS = float(os.environ.get("SAVE_SECONDS", "0.1"))
# With a site's 2 s, some jobs take several states.
MOST_STEPS, WIDTH = (90, 64) if SAVE_SECONDS < 1 else (150, 256)
# For the next change of any job's status.
PATIENCE = 180
SETTINGS = {
    "LEASE_SECONDS": "2",
    "LEASE_RENEWAL_SECONDS": "1",
    "WORKER_SLOTS": "3",
    "SAVE_INTERVAL_SECONDS": str(SAVE_SECONDS),
    # The suspended worker must go on, and not take itself for stuck.
    "WORKER_STALL_SECONDS": "3600",
}


class Workers:
    """Two workers, each replaced when killed. `killed` are the jobs that they were at."""

    def __init__(self, env, *, notes):
        self.killed = []
        self._notes = notes
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery", notes],
            cwd=PROJECT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._nursery.stdout.readline() == "ready\n"
        self._pids = [self._start(), self._start()]

    def _start(self):
        self._nursery.stdin.write("\n")
        self._nursery.stdin.flush()
        return int(self._nursery.stdout.readline())

    def kill_one_at_work(self, *, is_soon):
        """Kill a worker that runs a job, or one whose state is kept unless `is_soon`; False if there is none."""
        for place in random.sample(range(len(self._pids)), len(self._pids)):
            victim = self._pids[place]
            if not is_soon and any(map(goes_on, running_on(victim))):
                # Its state may have just been made. This is any moment between two.
                time.sleep(random.uniform(0, SAVE_SECONDS))
            # Stopped first, or its job could end between the query and the kill.
            os.kill(victim, signal.SIGSTOP)
            stopped = time.monotonic()
            running = list(running_on(victim))
            if any(is_soon or goes_on(job) for job in running):
                os.kill(victim, signal.SIGKILL)
                self._pids[place] = self._start()
                self.killed += [
                    Killed(job=job, step=saved_runs.progress_of(job), at=stopped) for job in running
                ]
                return True
            os.kill(victim, signal.SIGCONT)
        return False

    def losses(self):
        return losses(self.killed, read_states(self._notes))

    def end(self):
        self._nursery.communicate()


@pytest.fixture
def site(start_site, alice, bob):
    # Enough jobs at once that workers have some while the leases of killed ones still last.
    Subscription.objects.update(plan="standard")
    # No run may exceed its budget, even on a slow machine.
    Speed.objects.create(
        checkpoint="sketchbook", device="slow", ms_per_step_megapixel=50_000, overhead_ms=1_000
    )
    return start_site(**SETTINGS)


@pytest.fixture
def workers(site, tmp_path):
    """Two workers in addition to the site's own."""
    workers = Workers(site.process_of("worker").environ(), notes=tmp_path / "states")
    yield workers
    workers.end()


@pytest.fixture
def frozen(site, alice):
    """The site's own worker, stopped in the middle of a job, and running again afterwards."""
    worker = site.process_of("worker")
    while not running_on(worker.pid).exists():
        # Again, if the job ended before its worker was stopped.
        worker.resume()
        job = submit(alice, num_inference_steps=60)
        wait_for(lambda job=job: not Job.objects.queued().filter(pk=job.pk).exists())
        time.sleep(random.uniform(0, 0.3))
        worker.suspend()
    yield worker
    worker.resume()


def goes_on(job):
    """True if another worker would go on where this one is."""
    return not job.is_suspect and saved_runs.progress_of(job)


def running_on(pid):
    """The running jobs of a worker on this machine."""
    return Job.objects.running().filter(worker=f"{socket.gethostname()}:{pid}")


def submit(user, **values):
    return jobs.submit(user, make_request(**{"num_inference_steps": 15, **values}))


def submit_mixed(alice, bob):
    """Submit a job of each, in no way alike."""
    submit(alice, seed=1, width=WIDTH, num_inference_steps=random.choice([2, 30, MOST_STEPS]))
    submit(bob, seed=2, width=random.choice([64, 96]), num_images=random.choice([1, 2]))


def kill_one_at_work(workers, alice, bob, *, is_soon):
    """Kill a worker at work, and submit more jobs if all have ended."""

    def is_killed():
        if not Job.objects.active().exists():
            submit_mixed(alice, bob)
        return workers.kill_one_at_work(is_soon=is_soon)

    wait_for(is_killed)


def wait_until_all_have_ended():
    """Wait for as long as jobs go on, whatever the speed of this machine."""
    moves = -1
    while Job.objects.active().exists():
        wait_for(lambda moves=moves: Transition.objects.count() > moves, seconds=PATIENCE)
        moves = Transition.objects.count()


def test_every_job_ends_once_and_is_charged_once(
    alice, bob, site, frozen, workers, record_property
):
    before = {user: balance(user) + held_by(user) + spent_by(user) for user in (alice, bob)}
    for _ in range(JOBS // 2):
        submit_mixed(alice, bob)

    for number in range(KILLS):
        time.sleep(random.uniform(0.1, 1.2))
        kill_one_at_work(workers, alice, bob, is_soon=number < KILLS // 2)
    wait_for(lambda: not running_on(frozen.pid).exists())
    frozen.resume()
    wait_until_all_have_ended()

    assert Job.objects.filter(attempt__gt=1, paused_step__gt=0).exists(), "none went on"
    ended = list(Job.objects.all())
    again = made_again(alice)
    for job in ended:
        if job.status == Status.SUCCEEDED:
            assert_same_pictures(job, again[job.generation_request], site)
        assert_ended_once(job)
        assert_charged_once_or_released(job)
    for user in (alice, bob):
        assert balance(user) == before[user] - spent_by(user)
    assert_books_balance()
    assert_no_file_without_a_picture(site)
    # They depend on the machine, and are for people: `pytest -rP` shows them.
    lost = workers.losses()
    record_property("lost", str(lost))
    print(f"{KILLS} kills, states kept every {SAVE_SECONDS} s: {lost}")
    assert lost.since_state, "no kill of a job that goes on from its state"


def made_again(user):
    """A job of each request of one that ended well, by request, while nothing is killed."""
    requests = {job.generation_request for job in Job.objects.filter(status=Status.SUCCEEDED)}
    again = {request: jobs.submit(user, request) for request in requests}
    wait_until_all_have_ended()
    return again


def assert_same_pictures(job, undisturbed, site):
    """The same to the last bit in equal company, and else but for a rounding of single pixels."""
    for one, other in zip(
        job.images.order_by("index"), undisturbed.images.order_by("index"), strict=True
    ):
        difference = ImageChops.difference(opened(one, site), opened(other, site))
        assert max(high for _low, high in difference.getextrema()) <= 1


def opened(image, site):
    return PIL.Image.open(site.data / "media" / image.file).convert("RGB")


def spent_by(user):
    return sum(job.charged_ms or 0 for job in Job.objects.for_user(user))


def held_by(user):
    return sum(
        Hold.objects.filter(wallet__user=user, status="open").values_list("amount", flat=True)
    )


def assert_ended_once(job):
    moves = Counter(job.transitions.values_list("became", flat=True))
    assert job.status in FINAL
    assert sum(moves[status] for status in FINAL) == 1
    assert moves[Status.RUNNING] == job.attempt


def assert_charged_once_or_released(job):
    hold = Hold.objects.get(reference=job.hold_reference)
    spent = -sum(Entry.objects.filter(hold=hold).values_list("amount", flat=True))
    if job.status == Status.SUCCEEDED:
        assert (hold.status, hold.captured, spent) == ("captured", job.charged_ms, job.charged_ms)
        assert job.charged_ms > 0
        steps = [line.index for line in job.parsed_receipt.steps]
        assert steps == list(range(1, job.generation_request.evaluations + 1))
        assert job.images.count() == job.generation_request.num_images
    else:
        assert (job.status, job.error_code, job.lapses) == (Status.FAILED, "lost", 3)
        assert (hold.status, spent, job.charged_ms) == ("released", 0, 0)
        assert not job.images.exists()


def assert_no_file_without_a_picture(site):
    media = FileSystemStorage(location=site.data / "media")
    images = [image for job in Job.objects.all() for image in job.images.all()]
    kept = {name for image in images for name in (image.file, image.thumbnail)}

    def stored():
        root = site.data / "media"
        files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
        return {name for name in files if not name.startswith(marker.FOLDER)}

    assert all(media.exists(name) for name in kept)

    def of_states():
        return set(KeptState.objects.values_list("file", flat=True))

    # A worker deletes the files of a lost attempt as soon as it notices. States may be missing, but have rows.
    wait_for(lambda: stored() - of_states() == kept)
