"""The whole site on one machine: the parts of production, started and ended together."""

import contextlib
import os
import signal
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import platformdirs
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sdsite import embedded, file_modes, machine
from sdsite.processes import PROJECT, Child

READY_SECONDS = 60.0
# A process that ends this soon after its start, this many times in a row, ends the site.
STABLE_SECONDS = 20.0
QUICK_ENDS = 3
MANAGE = (sys.executable, PROJECT / "manage.py")
# Commands that run before the parts start.
PREPARATIONS = (("migrate", "--verbosity=0"), ("demo",))
PREPARATIONS_AS_ONLINE = (
    ("migrate", "--verbosity=0"),
    ("collectstatic", "--no-input", "--verbosity=0"),
)
CELERY = (sys.executable, "-m", "celery", "--app", "sdsite", "--quiet")


class Command(BaseCommand):
    help = "Runs the site on this machine: servers, web, worker, background tasks and beat. Ctrl-C ends all."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--data",
            type=Path,
            default=Path(platformdirs.user_data_dir("sdsite")),
            help="folder of the database and the pictures (default: %(default)s)",
        )

    def handle(self, *args: Any, port: int, data: Path, **options: Any) -> None:
        # SIGINT, too: a shell starts background commands with it ignored.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt)
        file_modes.restrict()
        data = data.expanduser().resolve()
        with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
            try:
                machine.require_free_port(port)
                stack.enter_context(machine.claimed(data))
                database = stack.enter_context(_database(data))
                valkey = stack.enter_context(_valkey(data))
            except (machine.Unsuitable, embedded.ServerUnreachable) as error:
                raise CommandError(str(error)) from error
            env = _environment(port=port, data=data, database=database.url, valkey=valkey.url)
            self._prepare(env)
            parts = _start_parts(stack, port=port, env=env)
            servers = [server.process for server in (database, valkey) if server.process]
            self._announce(port=port, children=[*servers, *parts])
            self._watch([*servers, *parts])

    def _prepare(self, env: dict[str, str]) -> None:
        for name, *options in PREPARATIONS_AS_ONLINE if _is_as_online() else PREPARATIONS:
            with Child(name, [*MANAGE, name, *options], env=env) as child:
                if child.wait() != 0:
                    raise CommandError(f"{name} failed; its reason is above.")

    def _announce(self, *, port: int, children: Sequence[Child]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not machine.answers(f"http://127.0.0.1:{port}/readyz"):
            for child in children:
                if child.status is not None:
                    raise CommandError(f"{child.name} ended at once; its reason is above.")
            if time.monotonic() > deadline:
                raise CommandError(f"The site does not answer on port {port}; see above.")
            time.sleep(0.1)
        self.stdout.write(f"ready http://127.0.0.1:{port}")
        self.stdout.flush()

    def _watch(self, children: Sequence[Child]) -> NoReturn:
        quick_ends: Counter[str] = Counter()
        while True:
            time.sleep(0.5)
            self._restart_ended(children, quick_ends)

    def _restart_ended(self, children: Sequence[Child], quick_ends: Counter[str]) -> None:
        for child in children:
            if child.status is not None:
                was_stable = child.age >= STABLE_SECONDS
                quick_ends[child.name] = 0 if was_stable else quick_ends[child.name] + 1
                self._restart(child, quick_ends=quick_ends[child.name])

    def _restart(self, child: Child, *, quick_ends: int) -> None:
        # A server's log has its reason; it begins anew with the server.
        reason = child.last_words() if child.log else "see above"
        if quick_ends == QUICK_ENDS:
            raise CommandError(f"{child.name} keeps ending (status {child.status}): {reason}")
        self.stderr.write(f"{child.name} ended (status {child.status}): starting it again")
        if child.log:
            self.stderr.write(reason)
        # PostgreSQL can't start before the last of its killed predecessor's processes has ended.
        time.sleep(quick_ends)
        child.restart()


def _is_as_online() -> bool:
    """True if the environment switches DEBUG off; without a value, the site runs with DEBUG on."""
    return "DEBUG" in os.environ and not settings.DEBUG


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _database(data: Path) -> contextlib.AbstractContextManager[embedded.Server]:
    if url := os.environ.get("DATABASE_URL"):
        embedded.ping_database(url)
        return contextlib.nullcontext(embedded.Server(url))
    return embedded.postgres(data / "postgres")


def _valkey(data: Path) -> contextlib.AbstractContextManager[embedded.Server]:
    if url := os.environ.get("REDIS_URL"):
        embedded.ping(url)
        return contextlib.nullcontext(embedded.Server(url))
    return embedded.valkey(data / "valkey.log")


def _environment(*, port: int, data: Path, database: str, valkey: str) -> dict[str, str]:
    """The environment of every part: defaults, then the caller's variables, then the site's own."""
    return {
        "DEBUG": "1",
        "SECRET_KEY": machine.secret(data / "secret_key"),
        # Cookies ignore ports: two sites on one host must not overwrite each other's.
        "COOKIE_SUFFIX": f"_{port}",
        # Celery warns root, often a container's only user; it accepts only JSON here, which is safe.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
        **os.environ,
        "SITE_URL": f"http://127.0.0.1:{port}",
        "DATA_DIR": str(data),
        "DATABASE_URL": database,
        "REDIS_URL": valkey,
        "DJANGO_SETTINGS_MODULE": "sdsite.settings",
        "PYTHONUNBUFFERED": "1",
    }


def _start_parts(stack: contextlib.ExitStack, *, port: int, env: dict[str, str]) -> list[Child]:
    commands: dict[str, Sequence[object]] = {
        "The web process": [*MANAGE, "web", f"--port={port}"],
        "The worker": [*CELERY, "worker", "--without-gossip", "--without-mingle"],
        "The background process": [*MANAGE, "background"],
        "Beat": [*CELERY, "beat"],
    }
    parts = [
        stack.enter_context(Child(name, command, env=env)) for name, command in commands.items()
    ]
    # Called for all parts first, so that they end at the same time.
    for part in parts:
        stack.callback(part.let_go)
    return parts
