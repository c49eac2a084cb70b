"""Child processes that never outlive the process that started them."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

TETHER = Path(__file__).with_name("tether.py")


def start(
    command: Sequence[str | Path],
    *,
    stop_signal: str = "SIGTERM",
    user: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    output: IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` on a tether, out of reach of the terminal's Ctrl-C; `stop` ends it.

    If this process dies instead, the command receives `stop_signal` all the same.
    """
    options = [f"--signal={stop_signal}", *([f"--user={user}"] if user else [])]
    return subprocess.Popen(
        [sys.executable, "-IS", str(TETHER), *options, "--", *map(str, command)],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )


def stop(*processes: subprocess.Popen[bytes]) -> None:
    """End the processes, all at once, and wait until the last is gone. Safe to call twice."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    for process in processes:
        process.wait()
