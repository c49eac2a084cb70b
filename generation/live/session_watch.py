"""Closes websockets whose session has expired; checks are batched."""

import asyncio
import logging
import random
import time
from typing import Protocol

from channels.db import database_sync_to_async

from accounts import sessions

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
SESSION_CHECK_SECONDS = 60.0
# Django sends the sign-out signal a moment before it ends the session.
SIGN_OUT_SECONDS = 1.0
# Limits the size of a query; further sessions wait for the next check.
AT_ONCE = 500


class Watched(Protocol):
    """A connection that depends on a session."""

    session_key: str
    user_id: int

    def leave(self) -> None:
        """Close the connection, because its session has ended."""


class SessionWatch:
    """Checks each session once a minute, and sooner after a hint."""

    def __init__(self) -> None:
        self._due: dict[Watched, float] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, watched: Watched) -> None:
        # Spread out, or all sockets that reconnect after a restart would be checked in the same second.
        wait = random.uniform(0.5, 1) * SESSION_CHECK_SECONDS  # noqa: S311  # no secret
        self._due[watched] = time.monotonic() + wait
        if not self._is_watching:
            self._task = asyncio.create_task(self._watch())

    def remove(self, watched: Watched) -> None:
        self._due.pop(watched, None)

    def look_soon(self, watched: Watched) -> None:
        """Check the session soon: a user signs out, or an account was closed."""
        if watched in self._due:
            self._due[watched] = time.monotonic() + SIGN_OUT_SECONDS

    @property
    def _is_watching(self) -> bool:
        task, loop = self._task, asyncio.get_running_loop()
        # Each test has its own event loop.
        return task is not None and not task.done() and task.get_loop() is loop

    async def _watch(self) -> None:
        while self._due:
            await asyncio.sleep(LOOK_SECONDS)
            now = time.monotonic()
            due = [watched for watched, at in self._due.items() if at <= now]
            due = sorted(due, key=self._due.__getitem__)[:AT_ONCE]
            # Before the check, so that a hint during it causes another one.
            self._due |= dict.fromkeys(due, now + SESSION_CHECK_SECONDS)
            if due:
                await self._look(due)

    async def _look(self, due: list[Watched]) -> None:
        look = database_sync_to_async(sessions.signing_in, thread_sensitive=False)
        try:
            valid = await look({each.session_key: each.user_id for each in due})
        except Exception as error:  # noqa: BLE001  # a server is away
            log.warning("%d sessions could not be looked at: %r", len(due), error)
            for each in due:
                self.look_soon(each)
            return
        for each in due:
            if each.session_key not in valid:
                self.remove(each)
                each.leave()


watch = SessionWatch()
