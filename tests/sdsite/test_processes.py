import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from sdsite.processes import PROJECT, Child

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
# A script that prints when it is up, and the signal that ends it.
POLITE = """
import signal, sys, time
for number in signal.SIGINT, signal.SIGTERM:
    signal.signal(number, lambda number, _: sys.exit(signal.Signals(number).name))
print("up", flush=True)
time.sleep(60)
"""


def wait_for(condition, *, seconds=45.0):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return result


def command_of(tether: int) -> psutil.Process:
    """The process that a tether holds."""
    return wait_for(psutil.Process(tether).children)[0]


def test_a_child_that_is_stopped_has_ended():
    child = Child("sleeper", SLEEP)
    process = command_of(child._process.pid)

    child.stop()

    assert child.status == 128 + signal.SIGTERM
    assert not process.is_running()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_child_receives_its_stop_signal(tmp_path, name):
    log = tmp_path / "log"
    with Child("polite", (sys.executable, "-c", POLITE), stop_signal=name, log=log):
        wait_for(lambda: log.exists() and "up" in log.read_text())

    assert log.read_text().split() == ["up", name]


def test_a_status_is_the_commands():
    child = Child("quitter", (sys.executable, "-c", "raise SystemExit(3)"))

    assert wait_for(lambda: child.status) == 3
    child.stop()


def test_what_a_command_leaves_behind_ends_with_it(tmp_path):
    script = (
        "import subprocess, sys\n"
        "left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(left.pid)\n"
    )
    log = tmp_path / "log"
    child = Child("litterer", (sys.executable, "-c", script), log=log)

    wait_for(lambda: child.status is not None)

    wait_for(lambda: not psutil.pid_exists(int(log.read_text())))
    child.stop()


def test_a_child_can_be_started_again():
    child = Child("quitter", (sys.executable, "-c", "raise SystemExit(3)"))
    wait_for(lambda: child.status)

    child.restart()

    assert child.status is None
    assert child.age < 5
    child.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_a_child_ends_when_its_parent_is_killed(number):
    script = (
        "import sys, time\n"
        "from sdsite.processes import Child\n"
        f"child = Child('sleeper', {SLEEP!r})\n"
        "print(child._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    )
    tether = int(parent.stdout.readline())
    sleeper = command_of(tether)

    os.kill(parent.pid, number)

    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not sleeper.is_running())
    wait_for(lambda: not psutil.pid_exists(tether))


def test_the_last_words_are_the_logs_last_line(tmp_path):
    log = tmp_path / "log"
    child = Child("speaker", (sys.executable, "-c", "print('first'); print('last')"), log=log)
    wait_for(lambda: child.status is not None)

    words = child.last_words()

    assert words == f"last (see {log})"
    child.stop()
