"""Runs one command and ends it when the parent process is gone, for any reason.

    python tether.py --signal SIGTERM [--user NAME] -- COMMAND ...

Standard input is the tether: its writing end belongs to the parent, so the kernel closes it even when
the parent is killed. It is a script of the standard library alone, started by path: see `processes`.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 30.0


def main() -> int:
    options = _parse()
    user = {"user": options.user, "group": options.user, "extra_groups": []} if options.user else {}
    child = subprocess.Popen(options.command, stdin=subprocess.DEVNULL, process_group=0, **user)

    def end(*_: object) -> None:
        child.send_signal(signal.Signals[options.signal])
        killer = threading.Timer(GRACE_SECONDS, child.kill)
        killer.daemon = True
        killer.start()

    def watch_parent() -> None:
        os.read(sys.stdin.fileno(), 1)
        end()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    threading.Thread(target=watch_parent, daemon=True).start()
    status = child.wait()
    # The command's own children are in its process group.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    return status if status >= 0 else 128 - status


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--signal", required=True)
    parser.add_argument("--user")
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


if __name__ == "__main__":
    # A daemon thread may be reading standard input: exit without waiting for its lock.
    os._exit(main())
