"""Engine: steps many runs at once on one device, and tells what happens to each."""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

import torch
from PIL.Image import Image

from generation.engine.checkpoints import catalogue
from generation.engine.events import (
    MESSAGES,
    Canceled,
    Charge,
    Event,
    Failed,
    FailureCode,
    Finished,
    Loading,
    Previewed,
    Started,
    Stepped,
)
from generation.engine.loading.loader import Loader
from generation.engine.loop import runner
from generation.engine.loop.admission import AdmissionQueue
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.batcher import Batcher
from generation.engine.loop.isolation import Done, attempt, failure_code
from generation.engine.loop.mailbox import Mailbox
from generation.engine.loop.meter import Meter
from generation.engine.loop.ticket import Picture, Ticket
from generation.engine.request import GenerationRequest

__all__ = [
    "Canceled",
    "Charge",
    "Engine",
    "Event",
    "Failed",
    "FailureCode",
    "Finished",
    "Loading",
    "Previewed",
    "Started",
    "Stepped",
]

logger = logging.getLogger(__name__)

Item = TypeVar("Item", Ticket, Picture)
Result = TypeVar("Result")

# Pixels decoded between two steps, so that nobody's next step waits long for another's pictures.
DECODED_PIXELS_PER_TURN = 1024 * 1024


@dataclass
class Stats:
    """What the device did, for metrics: forward passes, their rows, and microseconds by phase."""

    steps: int = 0
    rows: int = 0
    us: Counter[str] = field(default_factory=Counter)


class Engine:
    """One device's runs.

    Any thread may call `submit` and `cancel`; one thread calls `wait` and `step` in turn.
    """

    def __init__(
        self,
        *,
        loader: Loader,
        row_cap: BatchLimit | None = None,
        preview_interval: float = 0.25,
    ) -> None:
        self.stats = Stats()
        self._inbox = Mailbox()
        self._lobby = AdmissionQueue(loader)
        loader.on_loaded = self._inbox.wake
        self._row_cap = row_cap or BatchLimit()
        self._batcher = Batcher(max_rows=self._row_cap)
        self._meter = Meter(loader.device)
        self._preview_interval = preview_interval
        self._tickets: dict[str, Ticket] = {}
        self._undecoded: list[Picture] = []
        self._events: list[Event] = []

    @property
    def busy_us(self) -> int:
        """Microseconds that the device was busy for runs: encoding, stepping, decoding."""
        return sum(self.stats.us[phase] for phase in ("encode", "step", "decode"))

    @property
    def has_runs(self) -> bool:
        """Whether a run that was taken in has not ended yet."""
        return bool(self._tickets)

    def submit(
        self,
        request: GenerationRequest,
        *,
        key: str,
        inputs: Mapping[str, Image] = MappingProxyType({}),
        weight: int = 1,
        budget_us: int | None = None,
        deadline: float | None = None,
        wants_preview: Callable[[], bool] = lambda: False,
    ) -> None:
        """Queue a request; its events carry `key`, which no other run that hasn't ended may have.

        `inputs` are the pictures that the request names, by the names of its fields.
        The run fails once it was billed `budget_us` microseconds, or when `deadline` (of
        `time.monotonic`) has passed. The loop calls `wants_preview`, which must return at once.
        """
        self._inbox.submit(
            Ticket(
                key=key,
                request=request,
                inputs=inputs,
                checkpoint=catalogue.get(request.checkpoint),
                weight=weight,
                budget_us=budget_us,
                deadline=deadline,
                wants_preview=wants_preview,
            )
        )

    def cancel(self, key: str) -> None:
        """End a run before its next step. Unknown keys and runs that have ended: no effect."""
        self._inbox.cancel(key)

    def wait(self, timeout: float) -> bool:
        """Block until there is something to do, `timeout` seconds at most; say whether there is."""
        if len(self._tickets) > len(self._lobby):
            return True
        deadline = self._lobby.earliest_deadline
        has_mail = self._inbox.wait(max(0.0, min(timeout, deadline - time.monotonic())))
        return has_mail or time.monotonic() >= deadline

    @torch.inference_mode()
    def step(self) -> list[Event]:
        """Take one turn: admit, encode, one denoising step of one batch, decode.

        Returns what happened, in order. Never waits for a load. An error of a run becomes its
        Failed event and is not raised.
        """
        self._events = []
        self._receive()
        self._end_overrun()
        self._encode(self._admit())
        self._denoise()
        self._decode()
        return self._events

    def _receive(self) -> None:
        """Take in what other threads have asked for since the last turn."""
        arrived, canceled = self._inbox.take()
        for ticket in arrived:
            assert ticket.key not in self._tickets, f"{ticket.key} has not ended yet"
            self._tickets[ticket.key] = ticket
            self._lobby.enter(ticket)
        for key in sorted(canceled & self._tickets.keys()):
            ticket = self._tickets[key]
            self._end(ticket)
            self._events.append(Canceled(key=key, charges=tuple(ticket.charges)))

    def _end_overrun(self) -> None:
        for ticket in list(self._tickets.values()):
            if code := ticket.overrun():
                self._fail(ticket, code)

    def _admit(self) -> list[Ticket]:
        """Return the tickets that can start now."""
        admission = self._lobby.admit()
        for ticket in admission.loading:
            self._events.append(Loading(key=ticket.key))
        for ticket, error in admission.refused:
            self._fail(ticket, FailureCode.LOAD, error=error)
        for ticket in admission.admitted:
            if ticket.has_waited and ticket.loaded:
                ticket.charge("load", ticket.loaded.load_us, billed=False)
            if not ticket.has_started:
                ticket.has_started = True
                self._events.append(Started(key=ticket.key))
        return admission.admitted

    def _encode(self, admitted: Iterable[Ticket]) -> None:
        """Encode the newcomers' prompts, checkpoint by checkpoint, and let them take part."""
        by_checkpoint = defaultdict(list)
        for ticket in admitted:
            by_checkpoint[ticket.checkpoint.id].append(ticket)
        for tickets in by_checkpoint.values():
            for done in self._share(
                "encode", runner.encode, tickets, by=lambda ticket: ticket.request.passes
            ):
                ticket, ticket.run = done.item, done.result
                ticket.charge("encode", done.us)
                self._batcher.add(
                    ticket.key,
                    batch_key=done.result.batch_key,
                    rows=ticket.request.rows,
                    work=ticket.request.work,
                    weight=ticket.weight,
                )

    def _denoise(self) -> None:
        """Take one denoising step of the runs whose turn it is."""
        tickets = [self._tickets[key] for key in self._batcher.next_batch()]
        if not tickets:
            return
        rows = sum(ticket.request.rows for ticket in tickets)
        batch_key, loaded = tickets[0].batch_key, tickets[0].loaded
        assert loaded is not None
        self.stats.steps += 1
        self.stats.rows += rows
        stepped = self._share(
            "step", runner.denoise, tickets, by=lambda ticket: ticket.request.work
        )
        if len(stepped) == len(tickets):
            self._row_cap.note(batch_key, rows=rows, us=sum(done.us for done in stepped))
        for done in stepped:
            self._book_step(done)
        loaded.pipeline.record()
        self._preview([done.item for done in stepped if done.item.is_stepping])

    def _book_step(self, done: Done[Ticket, Exception | None]) -> None:
        ticket, error = done.item, done.result
        if error is not None:
            self._fail(ticket, failure_code(error), error=error)
            return
        step, steps = ticket.progress
        ticket.charge("step", done.us, index=step)
        self._events.append(Stepped(key=ticket.key, step=step, steps=steps, us=done.us))
        if not ticket.is_stepping:
            self._batcher.remove(ticket.key)
            if ticket.awaits_refiner:
                self._hand_over(ticket)
            else:
                self._undecoded += ticket.pictures()

    def _hand_over(self, ticket: Ticket) -> None:
        """Let the checkpoint's refiner go on with the ticket, once it is in memory."""
        refiner = catalogue.get(ticket.checkpoint.refiner)
        self._lobby.leave(ticket)
        ticket.hand_over(refiner)
        self._lobby.enter_again(ticket)
        self._inbox.wake()

    def _preview(self, stepped: Iterable[Ticket]) -> None:
        """Show those that somebody watches what their pictures are becoming."""
        due = [t for t in stepped if t.is_due_for_preview(interval=self._preview_interval)]
        for done in self._share("preview", runner.preview, due, by=lambda _: 1):
            ticket, image = done.item, done.result
            ticket.previewed_at = time.monotonic()
            if image is None:
                self._fail(ticket, FailureCode.NAN)
                continue
            step, steps = ticket.progress
            self._events.append(Previewed(key=ticket.key, step=step, steps=steps, image=image))

    def _decode(self) -> None:
        """Decode finished latents of one kind, as many pictures as may hold up the others."""
        for done in self._share("decode", runner.decode, self._next_to_decode(), by=lambda _: 1):
            picture, image = done.item, done.result
            ticket = picture.ticket
            if not ticket.is_live:
                continue
            ticket.charge("decode", done.us, index=picture.index + 1)
            if image is None:
                self._fail(ticket, FailureCode.NAN)
                continue
            ticket.images.append(image)
            if len(ticket.images) == ticket.request.num_images:
                self._finish(ticket)

    def _next_to_decode(self) -> list[Picture]:
        """Take from the queue the pictures that can go through the VAE together with its first."""
        taken: list[Picture] = []
        for picture in self._undecoded:
            pixels = picture.ticket.request.pixels * (len(taken) + 1)
            if not taken or (
                picture.run.batch_key == taken[0].run.batch_key
                and pixels <= DECODED_PIXELS_PER_TURN
            ):
                taken.append(picture)
        self._undecoded = [picture for picture in self._undecoded if picture not in taken]
        return taken

    def _share(
        self,
        phase: str,
        work: Callable[[Sequence[Item]], Sequence[Result]],
        items: Sequence[Item],
        *,
        by: Callable[[Item], int],
    ) -> list[Done[Item, Result]]:
        """Do the work for all items at once; fail the tickets it fails for and return the rest.

        Device time is divided in proportion to `by`.
        """
        if not items:
            return []
        outcome = attempt(work, items, meter=self._meter, share=by)
        self.stats.us[phase] += outcome.us
        for item, error in outcome.failed:
            self._fail(item.ticket, failure_code(error), error=error)
        return outcome.done

    def _finish(self, ticket: Ticket) -> None:
        self._end(ticket)
        self._events.append(
            Finished(
                key=ticket.key,
                images=tuple(ticket.images),
                seeds=ticket.request.seeds,
                charges=tuple(ticket.charges),
            )
        )

    def _fail(self, ticket: Ticket, code: FailureCode, *, error: Exception | None = None) -> None:
        """End the ticket with a failure, unless it has ended."""
        if not ticket.is_live:
            return
        logger.warning("run %s failed: %s", ticket.key, code, exc_info=error)
        self._end(ticket)
        self._events.append(
            Failed(
                key=ticket.key,
                code=code,
                message=MESSAGES[code],
                detail=str(error or ""),
                charges=tuple(ticket.charges),
            )
        )

    def _end(self, ticket: Ticket) -> None:
        """Forget the ticket and let go of what it held."""
        ticket.is_live = False
        ticket.run = None
        del self._tickets[ticket.key]
        self._batcher.remove(ticket.key)
        self._undecoded = [p for p in self._undecoded if p.ticket is not ticket]
        self._lobby.leave(ticket)
        if len(self._lobby):
            # What it held may be the room that another's checkpoint waits for.
            self._inbox.wake()
