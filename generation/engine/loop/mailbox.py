"""Mailbox: calls of other threads for the engine's loop, and the signal that wakes it."""

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from generation.engine.loop.ticket import Ticket


@dataclass(frozen=True, kw_only=True)
class Mail:
    """Submitted tickets, in order, the keys to cancel and to suspend, and whether all are to be saved."""

    arrived: Sequence[Ticket]
    canceled: Collection[str]
    suspended: Collection[str]
    wants_saving: bool


class Mailbox:
    """Thread-safe. Its one lock is never held longer than a list operation."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._arrived: list[Ticket] = []
        self._canceled: set[str] = set()
        self._suspended: set[str] = set()
        self._wants_saving = False
        self._is_woken = False

    def submit(self, ticket: Ticket) -> None:
        with self._changed:
            self._arrived.append(ticket)
            self._changed.notify()

    def cancel(self, key: str) -> None:
        with self._changed:
            self._canceled.add(key)
            self._changed.notify()

    def suspend(self, key: str) -> None:
        with self._changed:
            self._suspended.add(key)
            self._changed.notify()

    def save(self) -> None:
        with self._changed:
            self._wants_saving = True
            self._changed.notify()

    def wake(self) -> None:
        """Let the loop take a turn without mail."""
        with self._changed:
            self._is_woken = True
            self._changed.notify()

    def wait(self, timeout: float) -> bool:
        """Block until there is mail or a wake-up, at most `timeout` seconds; False on timeout."""
        with self._changed:
            return self._changed.wait_for(self._has_mail, timeout=timeout)

    def take(self) -> Mail:
        """Empty the mailbox."""
        with self._changed:
            mail = Mail(
                arrived=self._arrived,
                canceled=self._canceled,
                suspended=self._suspended,
                wants_saving=self._wants_saving,
            )
            self._arrived, self._canceled, self._suspended = [], set(), set()
            self._wants_saving = self._is_woken = False
        return mail

    def _has_mail(self) -> bool:
        calls = self._arrived or self._canceled or self._suspended
        return bool(calls) or self._wants_saving or self._is_woken
