"""Admission queue: tickets that wait until their checkpoint is in memory."""

import math
from dataclasses import dataclass, field

from generation.engine.loading.loader import Loader, LoadError, NoRoom
from generation.engine.loop.ticket import Ticket


@dataclass(kw_only=True)
class Admission:
    """Result of one round: admitted tickets, newly waiting ones, and failed loads."""

    admitted: list[Ticket] = field(default_factory=list)
    loading: list[Ticket] = field(default_factory=list)
    failed: list[tuple[Ticket, LoadError]] = field(default_factory=list)


class AdmissionQueue:
    """Waiting tickets in order of arrival. Not thread-safe: the engine's loop owns it."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._waiting: list[Ticket] = []

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def earliest_deadline(self) -> float:
        """The first deadline of a waiting ticket, in seconds of `time.monotonic`; infinity without one."""
        deadlines = (ticket.deadline for ticket in self._waiting if ticket.deadline is not None)
        return min(deadlines, default=math.inf)

    def add(self, ticket: Ticket) -> None:
        """Append a new ticket."""
        self._waiting.append(ticket)

    def remove(self, ticket: Ticket) -> None:
        """Remove a ticket that ends; an admitted one releases its checkpoint."""
        if ticket.loaded is None:
            self._waiting.remove(ticket)
        else:
            self._loader.release(ticket.checkpoint, ticket.loaded)
            ticket.loaded = None

    def add_first(self, ticket: Ticket) -> None:
        """Put a ticket that goes on with its refiner ahead of newcomers."""
        self._waiting.insert(0, ticket)

    def admit(self) -> Admission:
        """Acquire each ticket's checkpoint if it is in memory, and start the other loads.

        Failed tickets stay in the queue until `remove`.
        """
        admission = Admission()
        for ticket in list(self._waiting):
            try:
                ticket.loaded = self._loader.acquire(ticket.checkpoint)
            except LoadError as error:
                admission.failed.append((ticket, error))
                continue
            except NoRoom:
                self._let_wait(ticket, admission)
                # Tickets behind it wait too, or a steady flow of them would occupy the memory forever.
                break
            if ticket.loaded is None:
                self._let_wait(ticket, admission)
            else:
                self._waiting.remove(ticket)
                admission.admitted.append(ticket)
        return admission

    def _let_wait(self, ticket: Ticket, admission: Admission) -> None:
        if not ticket.has_waited:
            ticket.has_waited = True
            admission.loading.append(ticket)
