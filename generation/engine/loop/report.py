"""Report: the events of one turn, in order, made from the tickets that they are about."""

from collections.abc import Sequence

from PIL.Image import Image

from generation.engine.events import (
    Canceled,
    Drafted,
    Event,
    Failed,
    Finished,
    Loading,
    Previewed,
    Saved,
    Started,
    Stepped,
    Suspended,
)
from generation.engine.failures import MESSAGES, FailureCode
from generation.engine.loop.ticket import Ticket
from generation.engine.saved_run import SavedRun


class Report:
    """Each method adds one event. Those that end a run must come before its ticket lets go of it."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def loading(self, ticket: Ticket) -> None:
        self.events.append(Loading(key=ticket.key))

    def started(self, ticket: Ticket) -> None:
        self.events.append(Started(key=ticket.key))

    def stepped(self, ticket: Ticket, *, us: int) -> None:
        step, steps = ticket.progress
        billed_us = ticket.billed_us
        self.events.append(
            Stepped(key=ticket.key, step=step, steps=steps, us=us, billed_us=billed_us)
        )

    def previewed(self, ticket: Ticket, image: Image) -> None:
        step, steps = ticket.progress
        self.events.append(Previewed(key=ticket.key, step=step, steps=steps, image=image))

    def saved(self, ticket: Ticket, saved: SavedRun) -> None:
        self.events.append(Saved(key=ticket.key, saved=saved))

    def suspended(self, ticket: Ticket) -> None:
        self.events.append(Suspended(key=ticket.key, saved=ticket.save()))

    def canceled(self, ticket: Ticket) -> None:
        self.events.append(Canceled(key=ticket.key, charges=tuple(ticket.charges)))

    def failed(self, ticket: Ticket, code: FailureCode, *, detail: str) -> None:
        charges = tuple(ticket.charges)
        self.events.append(
            Failed(
                key=ticket.key, code=code, message=MESSAGES[code], detail=detail, charges=charges
            )
        )

    def finished(self, ticket: Ticket) -> None:
        self.events.append(
            Finished(
                key=ticket.key,
                images=tuple(ticket.images),
                seeds=ticket.request.seeds,
                charges=tuple(ticket.charges),
                states=tuple(ticket.states),
            )
        )

    def drafted(self, ticket: Ticket, previews: Sequence[Image]) -> None:
        saved = ticket.save()
        assert saved is not None
        self.events.append(
            Drafted(
                key=ticket.key,
                saved=saved.without_charges(),
                previews=tuple(previews),
                seeds=ticket.request.seeds,
                charges=tuple(ticket.charges),
            )
        )
