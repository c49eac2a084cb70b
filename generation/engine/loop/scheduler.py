"""Scheduler: every live ticket, and the queue in which it waits for its next piece of work."""

from collections.abc import Sequence

from generation.engine.checkpoints import catalogue
from generation.engine.loading.loader import Loader
from generation.engine.loop.admission import Admission, AdmissionQueue
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.batcher import Batcher
from generation.engine.loop.decode_queue import DecodeQueue
from generation.engine.loop.ticket import PendingImage, Ticket


class Scheduler:
    """Moves tickets through three queues: admission, denoising, decoding.

    A ticket that needs a refiner goes back to admission once. Not thread-safe: the engine's loop
    owns it.
    """

    def __init__(self, loader: Loader, batch_limit: BatchLimit) -> None:
        self._tickets: dict[str, Ticket] = {}
        self._admission_queue = AdmissionQueue(loader)
        self._batch_limit = batch_limit
        self._batcher = Batcher(max_rows=batch_limit)
        self._decode_queue = DecodeQueue()

    @property
    def tickets(self) -> Sequence[Ticket]:
        """The live tickets, in the order of their arrival."""
        return tuple(self._tickets.values())

    @property
    def num_waiting(self) -> int:
        """Tickets whose checkpoint is not in memory yet."""
        return len(self._admission_queue)

    @property
    def has_work(self) -> bool:
        """True if a ticket can be encoded, denoised or decoded now."""
        return len(self._tickets) > self.num_waiting

    @property
    def earliest_deadline(self) -> float:
        """The first deadline among waiting tickets, in seconds of `time.monotonic`."""
        return self._admission_queue.earliest_deadline

    def find(self, key: str) -> Ticket | None:
        """Return the live ticket of this key, or None."""
        return self._tickets.get(key)

    def add(self, ticket: Ticket) -> None:
        """Queue a new ticket for admission; its key must not be in use."""
        assert ticket.key not in self._tickets, f"{ticket.key} has not ended yet"
        self._tickets[ticket.key] = ticket
        self._admission_queue.add(ticket)

    def admit(self) -> Admission:
        """Acquire checkpoints for waiting tickets and start missing loads; never blocks."""
        return self._admission_queue.admit()

    def start(self, ticket: Ticket) -> None:
        """Let an encoded ticket take part in denoising."""
        self._batcher.add(
            ticket.key,
            batch_key=ticket.batch_key,
            rows=ticket.request.rows,
            work=ticket.request.work,
            weight=ticket.weight,
        )

    def next_batch(self) -> list[Ticket]:
        """Return the tickets of the next denoising step, which share a batch key."""
        return [self._tickets[key] for key in self._batcher.next_batch()]

    def observe(self, tickets: Sequence[Ticket], *, us: int) -> None:
        """Teach the batch limit the device time of one whole pass, in microseconds."""
        rows = sum(ticket.request.rows for ticket in tickets)
        self._batch_limit.observe(tickets[0].batch_key, rows=rows, us=us)

    def finish_denoising(self, ticket: Ticket) -> None:
        """Queue a ticket for decoding after its last step."""
        self._batcher.remove(ticket.key)
        self._decode_queue.add(ticket)

    def hand_over(self, ticket: Ticket) -> None:
        """Queue a ticket for its refiner, ahead of newcomers, and release its base model."""
        self._batcher.remove(ticket.key)
        refiner = catalogue.get(ticket.checkpoint.refiner)
        self._admission_queue.remove(ticket)
        ticket.hand_over(refiner)
        self._admission_queue.add_first(ticket)

    def start_over(self, ticket: Ticket) -> None:
        """Let a ticket that cannot go on begin again, ahead of newcomers."""
        self._admission_queue.remove(ticket)
        ticket.start_over()
        self._admission_queue.add_first(ticket)

    def next_images(self) -> list[PendingImage]:
        """Take the images that go through the VAE together now."""
        return self._decode_queue.next_batch()

    def remove(self, ticket: Ticket) -> None:
        """Take a ticket out of every queue and release its checkpoint."""
        del self._tickets[ticket.key]
        self._batcher.remove(ticket.key)
        self._decode_queue.remove(ticket)
        self._admission_queue.remove(ticket)
