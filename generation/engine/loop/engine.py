"""Engine: steps many runs at once on one device and returns their events."""

import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import torch
from PIL.Image import Image

from generation.engine.checkpoints import catalogue
from generation.engine.diffusion.run import Run
from generation.engine.events import (
    Canceled,
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
from generation.engine.loading.loader import Loader
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.isolation import Completed, failure_code
from generation.engine.loop.mailbox import Mailbox
from generation.engine.loop.runner import ModelRunner, Stats
from generation.engine.loop.scheduler import Scheduler
from generation.engine.loop.ticket import PendingImage, Ticket
from generation.engine.request import GenerationRequest
from generation.engine.saved_run import SavedRun

logger = logging.getLogger(__name__)


class Engine:
    """One device's runs.

    Any thread may call `submit`, `cancel`, `suspend` and `save`; one thread calls `wait` and `step` in turn.
    """

    def __init__(
        self,
        *,
        loader: Loader,
        batch_limit: BatchLimit | None = None,
        preview_interval: float = 0.25,
        save_interval: float = math.inf,
    ) -> None:
        """`preview_interval` and `save_interval` are the least seconds between two of one run."""
        self._mailbox = Mailbox()
        loader.on_loaded = self._mailbox.wake
        self._scheduler = Scheduler(loader, batch_limit or BatchLimit())
        self._runner = ModelRunner(loader.device)
        self._preview_interval = preview_interval
        self._save_interval = save_interval
        self._events: list[Event] = []

    @property
    def stats(self) -> Stats:
        """Totals of the device's work since the start."""
        return self._runner.stats

    @property
    def busy_us(self) -> int:
        """Microseconds of device time spent on encoding, stepping and decoding."""
        return sum(self.stats.us[phase] for phase in ("encode", "step", "decode"))

    @property
    def has_runs(self) -> bool:
        """True while a run that `step` has received has not ended."""
        return bool(self._scheduler.tickets)

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
        saved: SavedRun | None = None,
    ) -> None:
        """Queue a request; its events carry `key`, which no other run that hasn't ended may have.

        `inputs` are the images that the request names, by the names of its fields.
        The run fails once it was billed `budget_us` microseconds, or when `deadline` (of
        `time.monotonic`) has passed. The loop calls `wants_preview`, which must return at once.
        The run goes on from what was `saved` of it, or starts over if that is of other weights.
        """
        checkpoint = catalogue.get(request.checkpoint)
        if saved and saved.is_refining:
            checkpoint = catalogue.get(checkpoint.refiner)
        self._mailbox.submit(
            Ticket(
                key=key,
                request=request,
                inputs=inputs,
                checkpoint=checkpoint,
                weight=weight,
                budget_us=budget_us,
                deadline=deadline,
                wants_preview=wants_preview,
                saved=saved,
            )
        )

    def cancel(self, key: str) -> None:
        """End a run before its next step. Unknown keys and ended runs have no effect."""
        self._mailbox.cancel(key)

    def suspend(self, key: str) -> None:
        """Take a run out before its next step, and say what it can go on from. As `cancel` otherwise."""
        self._mailbox.suspend(key)

    def save(self) -> None:
        """Save every run at once that has taken a step."""
        self._mailbox.save()

    def wait(self, timeout: float) -> bool:
        """Block until there is something to do, at most `timeout` seconds; False on timeout."""
        if self._scheduler.has_work:
            return True
        deadline = self._scheduler.earliest_deadline
        has_mail = self._mailbox.wait(max(0.0, min(timeout, deadline - time.monotonic())))
        return has_mail or time.monotonic() >= deadline

    @torch.inference_mode()
    def step(self) -> list[Event]:
        """Take one turn: admit, encode, one denoising step of one batch, decode.

        Returns the events of the turn, in order. Never waits for a load. An error of a run becomes
        its Failed event and is not raised.
        """
        self._events = []
        self._receive()
        self._end_overrun()
        self._encode(self._admit())
        self._denoise()
        self._decode()
        return self._events

    def _receive(self) -> None:
        """Handle the calls of other threads since the last turn."""
        mail = self._mailbox.take()
        for ticket in mail.arrived:
            self._scheduler.add(ticket)
        for ticket in self._found(mail.canceled):
            self._end(ticket)
            self._events.append(Canceled(key=ticket.key, charges=tuple(ticket.charges)))
        for ticket in self._found(mail.suspended):
            saved = ticket.save()
            self._end(ticket)
            self._events.append(Suspended(key=ticket.key, saved=saved))
        if mail.wants_saving:
            self._save(self._scheduler.tickets)

    def _found(self, keys: Iterable[str]) -> list[Ticket]:
        """Return the live tickets among these keys."""
        return [ticket for key in sorted(keys) if (ticket := self._scheduler.find(key))]

    def _end_overrun(self) -> None:
        for ticket in self._scheduler.tickets:
            if code := ticket.overrun():
                self._fail(ticket, code)

    def _admit(self) -> list[Ticket]:
        """Return the tickets that can start now."""
        admission = self._scheduler.admit()
        for ticket in admission.loading:
            self._events.append(Loading(key=ticket.key))
        for ticket, error in admission.failed:
            self._fail(ticket, FailureCode.LOAD, error=error)
        for ticket in admission.admitted:
            if ticket.is_of_other_content:
                self._start_over(ticket)
                continue
            if ticket.has_waited and ticket.loaded:
                ticket.charge("load", ticket.loaded.load_us, billed=False)
            if not ticket.has_started:
                ticket.has_started = True
                self._events.append(Started(key=ticket.key))
        return [ticket for ticket in admission.admitted if ticket.loaded]

    def _start_over(self, ticket: Ticket) -> None:
        logger.warning("run %s starts over", ticket.key)
        self._scheduler.start_over(ticket)
        self._mailbox.wake()

    def _encode(self, admitted: Iterable[Ticket]) -> None:
        """Encode the admitted tickets, one loaded checkpoint after the other, and start them."""
        by_checkpoint = defaultdict(list)
        for ticket in admitted:
            by_checkpoint[id(ticket.loaded)].append(ticket)
        for tickets in by_checkpoint.values():
            result = self._runner.encode(tickets)
            self._fail_all(result.failed)
            for completed in result.completed:
                ticket, run = completed.item, completed.result
                ticket.charge("encode", completed.us, billed=not ticket.is_resumed)
                if run is None:
                    self._fail(ticket, FailureCode.PROMPT)
                else:
                    self._start(ticket, run)

    def _start(self, ticket: Ticket, run: Run) -> None:
        try:
            ticket.adopt(run)
        except Exception as error:  # noqa: BLE001  # a state is from outside of this process
            code = failure_code(error)
            if code == FailureCode.OUT_OF_MEMORY:
                self._fail(ticket, code, error=error)
            else:
                logger.warning("run %s cannot go on: %r", ticket.key, error)
                self._start_over(ticket)
            return
        if ticket.is_stepping:
            self._scheduler.start(ticket)
        else:
            self._leave_denoising(ticket)

    def _denoise(self) -> None:
        """Take one denoising step of the next batch."""
        tickets = self._scheduler.next_batch()
        if not tickets:
            return
        result = self._runner.denoise(tickets)
        self._fail_all(result.failed)
        if not result.failed:
            # Time lost to failed tries would make rows look expensive.
            self._scheduler.observe(tickets, us=sum(step.us for step in result.completed))
        for completed in result.completed:
            self._finish_step(completed)
        stepping = [step.item for step in result.completed if step.item.is_stepping]
        self._preview(stepping)
        self._save(t for t in stepping if t.is_due_for_saving(interval=self._save_interval))

    def _finish_step(self, completed: Completed[Ticket, Exception | None]) -> None:
        ticket, error = completed.item, completed.result
        if error is not None:
            self._fail(ticket, failure_code(error), error=error)
            return
        step, steps = ticket.progress
        ticket.charge("step", completed.us, index=step)
        self._events.append(
            Stepped(
                key=ticket.key,
                step=step,
                steps=steps,
                us=completed.us,
                billed_us=ticket.billed_us,
            )
        )
        if not ticket.is_stepping:
            self._leave_denoising(ticket)

    def _leave_denoising(self, ticket: Ticket) -> None:
        if ticket.awaits_refiner:
            self._scheduler.hand_over(ticket)
            # The refiner may be in memory already.
            self._mailbox.wake()
        else:
            self._scheduler.finish_denoising(ticket)

    def _save(self, tickets: Iterable[Ticket]) -> None:
        for ticket in tickets:
            # One that ended in its preview has nothing left to go on with.
            if ticket.is_live and (saved := ticket.save()):
                ticket.saved_at = time.monotonic()
                self._events.append(Saved(key=ticket.key, saved=saved))

    def _preview(self, stepped: Iterable[Ticket]) -> None:
        """Preview the runs that somebody watches, each once an interval."""
        due = [t for t in stepped if t.is_due_for_preview(interval=self._preview_interval)]
        result = self._runner.preview(due)
        self._fail_all(result.failed)
        for completed in result.completed:
            ticket, image = completed.item, completed.result
            ticket.previewed_at = time.monotonic()
            if image is None:
                self._fail(ticket, FailureCode.NAN)
                continue
            step, steps = ticket.progress
            self._events.append(Previewed(key=ticket.key, step=step, steps=steps, image=image))

    def _decode(self) -> None:
        """Decode one batch of finished latents, and finish the runs with all their images."""
        result = self._runner.decode(self._scheduler.next_images())
        self._fail_all(result.failed)
        for completed in result.completed:
            self._finish_decoding(completed)

    def _finish_decoding(self, completed: Completed[PendingImage, Image | None]) -> None:
        ticket, image = completed.item.ticket, completed.result
        if not ticket.is_live:
            return
        ticket.charge("decode", completed.us, index=completed.item.index + 1)
        if image is None:
            self._fail(ticket, FailureCode.NAN)
            return
        ticket.images.append(image)
        if len(ticket.images) == ticket.request.num_images:
            self._finish(ticket)

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

    def _fail_all(self, failed: Sequence[tuple[Ticket | PendingImage, Exception]]) -> None:
        for item, error in failed:
            self._fail(item.ticket, failure_code(error), error=error)

    def _fail(self, ticket: Ticket, code: FailureCode, *, error: Exception | None = None) -> None:
        """End the ticket with a failure; a ticket that has ended stays as it is."""
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
        """Remove the ticket and release its run and its checkpoint."""
        ticket.is_live = False
        ticket.run = None
        self._scheduler.remove(ticket)
        if self._scheduler.num_waiting:
            # The released memory may be enough for another ticket's checkpoint.
            self._mailbox.wake()
