"""G8: the cost of idle websockets, alone and to one that receives messages."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

import psutil

from sdsite.processes import PROJECT
from tests.bench.database import empty_database
from tests.bench.figures import Figure, measures
from tests.bench.trials import percentile
from tests.running import serving, wait_for

FEW, MANY = 100, 5_000
ROUNDS = 3
# For what follows upon the last websocket's opening.
SETTLE_SECONDS = 2.0


@measures("G8")
def sockets() -> Iterator[Figure]:
    """Memory of an idle websocket over that of a bare echo server; 95th percentile of a preview's way with 5,000 idle over 100."""
    _allow_files(3 * MANY)
    floor = _bytes_of_echo()
    with empty_database():
        from tests.bench import audience  # noqa: PLC0415  # app registry: after django.setup()

        viewer, *idle = audience.viewers(1 + MANY)
        cookies = [each.cookie for each in idle]
        with serving(LOG_LEVEL="ERROR") as address:
            url = f"{address.replace('http', 'ws', 1)}/ws/jobs/"
            server = _Server(url)
            with server.holding(cookies[:FEW]):
                viewer.milliseconds(url)
                before = server.uss
                milliseconds: list[list[float]] = [[], []]
                sizes = []
                for _ in range(ROUNDS):
                    milliseconds[0] += viewer.milliseconds(url)
                    with server.holding(cookies[FEW:]):
                        sizes.append(server.uss)
                        milliseconds[1] += viewer.milliseconds(url)
    own = (sizes[0] - before) / (MANY - FEW)
    yield Figure(
        name=f"G8_memory_of_{MANY}",
        value=own / floor,
        unit=f"times, {own / 1_024:.1f} KiB over {floor / 1_024:.1f}",
        goal="<= 4",
    )
    few, many = (percentile(each, 95) for each in milliseconds)
    yield Figure(
        name=f"G8_p95_with_{MANY}",
        value=many / few,
        unit=f"times, {many:.1f} ms over {few:.1f} with {FEW}",
        goal="<= 1.5",
    )


def _allow_files(count: int) -> None:
    """Let this process and those that it starts have so many open, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


class _Server:
    """The process of this one's that listens at an address."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._port = urlsplit(url).port
        children = psutil.Process().children(recursive=True)
        self._process = next(each for each in children if self._connections(each, "LISTEN"))

    @property
    def uss(self) -> int:
        """The memory that nothing else shares with it, in bytes."""
        time.sleep(SETTLE_SECONDS)
        return int(self._process.memory_full_info().uss)

    @contextmanager
    def holding(self, cookies: Sequence[str]) -> Iterator[None]:
        """Keep a websocket open with each of the cookies; in the end, wait until the server has let go of them."""
        before = self._connections(self._process, "ESTABLISHED")
        with subprocess.Popen(
            [sys.executable, "-m", "tests.bench.idle", self._url],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as holder:
            assert holder.stdin is not None and holder.stdout is not None
            print(json.dumps(cookies), file=holder.stdin, flush=True)
            opened = holder.stdout.readline().strip()
            assert opened == str(len(cookies)), f"{opened or 'not all'} of {len(cookies)} opened"
            yield
            assert self._connections(self._process, "ESTABLISHED") >= before + len(cookies)
            holder.stdin.close()
        wait_for(lambda: self._connections(self._process, "ESTABLISHED") <= before)

    def _connections(self, process: psutil.Process, status: str) -> int:
        return sum(
            each.status == status and each.laddr.port == self._port
            for each in process.net_connections("tcp")
        )


def _bytes_of_echo() -> float:
    """Bytes that a bare echo server takes for a websocket more."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.echo"], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as echo:
        assert echo.stdout is not None
        try:
            server = _Server(f"ws://127.0.0.1:{echo.stdout.readline().strip()}/")
            with server.holding([""] * FEW):
                before = server.uss
                with server.holding([""] * (MANY - FEW)):
                    return (server.uss - before) / (MANY - FEW)
        finally:
            echo.kill()
