"""The whole site as one starts it, for the tests that need it running."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import psutil

from sdsite import machine
from sdsite.processes import PROJECT, Child

READY_SECONDS = 180
# How a shell without job control starts what is to run in the background.
DEAF_TO_CTRL_C = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")
# A person's, who knows nothing of the tests' servers.
ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


class Site:
    """A running `manage.py up`, and what it has printed so far. In a `with`, it is ready, and ends with it.

    Its servers are its own, unless `env` names others; `within` is a command that starts it. Beside
    other tests its worker computes in one thread: on shared cores, threads that wait for each other make
    a picture take many times as long.
    """

    def __init__(self, data, *, port=None, threads=1, within=(), **env):
        self.data = Path(data)
        self.port = port or free_port()
        self.lines = []
        command = [sys.executable, "manage.py", "up", f"--port={self.port}", f"--data={data}"]
        self.process = subprocess.Popen(
            [*within, *command],
            cwd=PROJECT,
            env={**ENVIRONMENT, **({"OMP_NUM_THREADS": str(threads)} if threads else {}), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def __enter__(self):
        try:
            return self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_error):
        self.process.terminate()
        try:
            self.ended()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.ended()

    def _read(self):
        with self.process.stdout as output:
            self.lines.extend(line.rstrip("\n") for line in output)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def get(self, path):
        return urllib.request.urlopen(self.url + path)  # noqa: S310  # a loopback address

    def wait_until_ready(self):
        wait_for(lambda: f"ready {self.url}" in self.lines or self.process.poll() is not None)
        assert f"ready {self.url}" in self.lines, self.output
        return self

    @property
    def output(self):
        return "\n".join(self.lines)

    @property
    def demo_password(self):
        return re.search(r"demo@example.com, password (\w+)", self.output)[1]

    @property
    def processes(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def processes_of(self, *words):
        return [process for process in self.processes if is_ours(process, *words)]

    def process_of(self, *words):
        return self.processes_of(*words)[0]

    def kill(self, *words):
        """Whatever of it there is just now."""
        for process in self.processes_of(*words):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def ended(self):
        """Its exit status, once it has ended by itself."""
        self.process.wait(READY_SECONDS)
        self.reader.join()
        return self.process.returncode


def is_ours(process, *words):
    """True for a live part of the site whose command has these words."""
    try:
        command = process.cmdline()
    except psutil.Error:
        return False
    # A zombie has no command.
    return (
        command[:1] == [sys.executable]
        and "tether.py" not in " ".join(command)
        and set(words) <= set(command)
    )


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for(condition, *, seconds=READY_SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextlib.contextmanager
def serving(**env):
    """The site's web process alone, on the test session's servers; gives its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, PROJECT / "manage.py", "web", f"--port={port}"]
    with Child("web", command, env={**os.environ, "SITE_URL": url, **env}) as web:
        wait_for(lambda: machine.answers(f"{url}/readyz") or web.status is not None)
        assert web.status is None
        yield url
