"""Child processes that never outlive the process that started them."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sdsite.file_modes import private

TETHER = Path(__file__).with_name("tether.py")
POLL_SECONDS = 0.05
PROJECT = Path(__file__).resolve().parent.parent


class Child:
    """A command on a tether. It runs in a session of its own, out of reach of the terminal's Ctrl-C.

    If this process dies without calling `stop`, the command still receives `stop_signal`.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[object],
        *,
        stop_signal: str = "SIGTERM",
        user: str | None = None,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._env = env
        tether = [sys.executable, "-IS", TETHER, f"--signal={stop_signal}"]
        if user is not None:
            tether.append(f"--user={user}")
        self._command = [str(word) for word in (*tether, "--", *command)]
        self._launch()

    def _launch(self) -> None:
        output = open(self.log, "wb", opener=private) if self.log else None  # noqa: SIM115  # closed below
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=self._env,
            cwd=PROJECT,
            start_new_session=True,
        )
        self._started = time.monotonic()
        if output:
            output.close()

    def restart(self) -> None:
        """Start the command again, whether or not it has ended."""
        self.stop()
        self._launch()

    @property
    def status(self) -> int | None:
        """The exit status, 128 + the number of a fatal signal, or None while it runs."""
        return self._process.poll()

    @property
    def age(self) -> float:
        """Seconds since its last start."""
        return time.monotonic() - self._started

    def wait(self) -> int:
        """Wait until the command ends by itself; returns its status."""
        while (status := self.status) is None:
            time.sleep(POLL_SECONDS)
        return status

    def let_go(self) -> None:
        """Signal the command to end, and return at once."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def stop(self) -> None:
        """Signal the command to end, and wait until it has. Safe to call twice."""
        self.let_go()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def last_words(self) -> str:
        """The last line of the command's log, and the log's path."""
        assert self.log is not None
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return f"{lines[-1] if lines else 'it said nothing'} (see {self.log})"
