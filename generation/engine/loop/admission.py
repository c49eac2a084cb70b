"""Lobby: the tickets that wait until their checkpoint is in memory."""

import math
from dataclasses import dataclass, field

from generation.engine.loading.loader import Loader, LoadError, NoRoom
from generation.engine.loop.ticket import Ticket


@dataclass(kw_only=True)
class Admission:
    """Who may start, who has begun to wait for a load, and whose checkpoint cannot be loaded."""

    admitted: list[Ticket] = field(default_factory=list)
    loading: list[Ticket] = field(default_factory=list)
    failed: list[tuple[Ticket, LoadError]] = field(default_factory=list)


class AdmissionQueue:
    """Waiting tickets in the order of their arrival. Not thread-safe: the engine's loop owns it."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._waiting: list[Ticket] = []

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def earliest_deadline(self) -> float:
        """When the first waiting ticket runs out of time, in seconds of `time.monotonic`."""
        deadlines = (ticket.deadline for ticket in self._waiting if ticket.deadline is not None)
        return min(deadlines, default=math.inf)

    def add(self, ticket: Ticket) -> None:
        """Let a new ticket wait behind the others."""
        self._waiting.append(ticket)

    def remove(self, ticket: Ticket) -> None:
        """Take out a ticket that ends: from those waiting, or by giving back its checkpoint."""
        if ticket.loaded is None:
            self._waiting.remove(ticket)
        else:
            self._loader.release(ticket.checkpoint)
            ticket.loaded = None

    def add_first(self, ticket: Ticket) -> None:
        """Let a ticket that goes on with another checkpoint wait before the newcomers."""
        self._waiting.insert(0, ticket)

    def admit(self) -> Admission:
        """Give those whose checkpoint is in memory a hold on it, and start the others' loads."""
        admission = Admission()
        for ticket in list(self._waiting):
            try:
                ticket.loaded = self._loader.acquire(ticket.checkpoint)
            except LoadError as error:
                admission.failed.append((ticket, error))
                continue
            except NoRoom:
                self._let_wait(ticket, admission)
                # Those behind wait too, or a steady flow of them would keep the memory for ever.
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
