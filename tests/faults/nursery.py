"""Forks Celery workers from a process that has loaded torch, so that a new one starts at once.

    python -m tests.faults.nursery FILE

In the file, the workers note when they made which state of a run. Each line on standard input asks for one worker; the answer is its process id. They end with this process,
which ends when its standard input does.
"""

import contextlib
import os
import signal
import sys

import django


def main() -> None:
    django.setup()
    import generation.worker.worker  # noqa: F401, PLC0415  # slow import: forks share it
    from tests.faults import losses  # noqa: PLC0415  # app registry: after django.setup()

    losses.note_states(sys.argv[1])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    children = []
    print("ready", flush=True)
    for _request in sys.stdin:
        pid = os.fork()
        if pid == 0:
            run_worker(name=f"nursery-{len(children)}")
        children.append(pid)
        print(pid, flush=True)
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def run_worker(*, name: str) -> None:
    from sdsite.celery import app  # noqa: PLC0415  # app registry: after django.setup()

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # The pipes are the parent's.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    options = ["--without-gossip", "--without-mingle", f"--hostname={name}@%h"]
    try:
        app.worker_main(["--quiet", "worker", *options])
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
