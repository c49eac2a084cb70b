"""Mailbox: calls of other threads for the engine's loop, and the signal that wakes it."""

import threading

from generation.engine.loop.ticket import Ticket


class Mailbox:
    """Thread-safe. Its one lock is never held longer than a list operation."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._arrived: list[Ticket] = []
        self._canceled: set[str] = set()
        self._is_woken = False

    def submit(self, ticket: Ticket) -> None:
        with self._changed:
            self._arrived.append(ticket)
            self._changed.notify()

    def cancel(self, key: str) -> None:
        with self._changed:
            self._canceled.add(key)
            self._changed.notify()

    def wake(self) -> None:
        """Let the loop take a turn without mail."""
        with self._changed:
            self._is_woken = True
            self._changed.notify()

    def wait(self, timeout: float) -> bool:
        """Block until there is mail or a wake-up, at most `timeout` seconds; False on timeout."""
        with self._changed:
            return self._changed.wait_for(
                lambda: bool(self._arrived or self._canceled or self._is_woken), timeout=timeout
            )

    def take(self) -> tuple[list[Ticket], set[str]]:
        """Empty the mailbox; return submitted tickets, in order, and the keys to cancel."""
        with self._changed:
            arrived, self._arrived = self._arrived, []
            canceled, self._canceled = self._canceled, set()
            self._is_woken = False
        return arrived, canceled
