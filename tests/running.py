"""The whole site as one starts it, for the tests that need it running."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import psutil

from sdsite.processes import PROJECT

READY_SECONDS = 60
# A person's, who knows nothing of the tests' servers.
ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


class Site:
    """A running `manage.py up` with servers of its own, and what it has printed so far."""

    def __init__(self, data, *, port=None):
        self.port = port or free_port()
        self.lines = []
        command = [sys.executable, "manage.py", "up", f"--port={self.port}", f"--data={data}"]
        self.process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

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

    def process_of(self, *words):
        return next(
            process
            for process in self.processes
            if process.cmdline()[0] == sys.executable
            and "tether.py" not in " ".join(process.cmdline())
            and set(words) <= set(process.cmdline())
        )

    def ended(self):
        """Its exit status, once it has ended by itself."""
        self.process.wait(READY_SECONDS)
        self.reader.join()
        return self.process.returncode


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for(condition, *, seconds=READY_SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
