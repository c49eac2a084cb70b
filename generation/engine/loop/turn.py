"""Turn: one round of the engine's loop, over all of its runs."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from PIL.Image import Image

from generation.engine.diffusion.run import Run
from generation.engine.diffusion.run_state import UnusableState
from generation.engine.events import Event
from generation.engine.failures import FailureCode
from generation.engine.loop.isolation import Completed, failure_code
from generation.engine.loop.mailbox import Mailbox
from generation.engine.loop.report import Report
from generation.engine.loop.runner import ModelRunner
from generation.engine.loop.scheduler import Scheduler
from generation.engine.loop.ticket import PendingImage, Ticket

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Moves every run that can move, and reports what became of it. `take` is called once.

    `preview_interval` and `save_interval` are the least seconds between two of one run.
    """

    mailbox: Mailbox
    scheduler: Scheduler
    runner: ModelRunner
    preview_interval: float
    save_interval: float
    report: Report = field(default_factory=Report)

    def take(self) -> list[Event]:
        """Admit, encode, take one denoising step of one batch, decode. Returns the events, in order."""
        self._receive()
        self._end_overrun()
        self._encode(self._admit())
        self._denoise()
        self._decode()
        return self.report.events

    def _receive(self) -> None:
        """Handle the calls of other threads since the last turn."""
        mail = self.mailbox.take()
        for ticket in mail.arrived:
            self.scheduler.add(ticket)
            if ticket.has_other_origin:
                self._fail(ticket, FailureCode.ORIGIN)
        for ticket in self._found(mail.canceled):
            self.report.canceled(ticket)
            self._end(ticket)
        for ticket in self._found(mail.suspended):
            self.report.suspended(ticket)
            self._end(ticket)
        if mail.wants_saving:
            self._save(self.scheduler.tickets)

    def _found(self, keys: Iterable[str]) -> list[Ticket]:
        """Return the live tickets among these keys."""
        return [ticket for key in sorted(keys) if (ticket := self.scheduler.find(key))]

    def _end_overrun(self) -> None:
        for ticket in self.scheduler.tickets:
            if code := ticket.overrun():
                self._fail(ticket, code)

    def _admit(self) -> list[Ticket]:
        """Return the tickets that can start now."""
        admission = self.scheduler.admit()
        for ticket in admission.loading:
            self.report.loading(ticket)
        for ticket, error in admission.failed:
            self._fail(ticket, FailureCode.LOAD, error=error)
        for ticket in admission.admitted:
            if ticket.is_of_other_content:
                self._start_over(ticket, UnusableState("it is of other weights"))
                continue
            if ticket.has_waited and ticket.loaded:
                ticket.charge("load", ticket.loaded.load_us, billed=False)
            if not ticket.has_started:
                ticket.has_started = True
                self.report.started(ticket)
        return [ticket for ticket in admission.admitted if ticket.loaded]

    def _start_over(self, ticket: Ticket, error: Exception) -> None:
        """Let a ticket that cannot go on begin again; one that has only begun from its origin fails."""
        if ticket.is_at_origin:
            self._fail(ticket, FailureCode.ORIGIN, error=error)
            return
        logger.warning("run %s starts over: %r", ticket.key, error)
        self.scheduler.start_over(ticket)
        self.mailbox.wake()

    def _encode(self, admitted: Iterable[Ticket]) -> None:
        """Encode the admitted tickets, one loaded checkpoint after the other, and start them."""
        by_checkpoint = defaultdict(list)
        for ticket in admitted:
            by_checkpoint[id(ticket.loaded)].append(ticket)
        for tickets in by_checkpoint.values():
            result = self.runner.encode(tickets)
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
                self._start_over(ticket, error)
            return
        if ticket.is_stepping:
            self.scheduler.start(ticket)
        else:
            self._leave_denoising(ticket)

    def _denoise(self) -> None:
        """Take one denoising step of the next batch."""
        tickets = self.scheduler.next_batch()
        if not tickets:
            return
        result = self.runner.denoise(tickets)
        self._fail_all(result.failed)
        if not result.failed:
            # Time lost to failed tries would make rows look expensive.
            self.scheduler.observe(tickets, us=sum(step.us for step in result.completed))
        for completed in result.completed:
            self._finish_step(completed)
        stepping = [step.item for step in result.completed if step.item.is_stepping]
        self._preview(stepping)
        self._save(t for t in stepping if t.is_due_for_saving(interval=self.save_interval))

    def _finish_step(self, completed: Completed[Ticket, Exception | None]) -> None:
        ticket, error = completed.item, completed.result
        if error is not None:
            self._fail(ticket, failure_code(error), error=error)
            return
        ticket.charge("step", completed.us, index=ticket.progress[0])
        ticket.keep_state()
        self.report.stepped(ticket, us=completed.us)
        if not ticket.is_stepping:
            self._leave_denoising(ticket)

    def _leave_denoising(self, ticket: Ticket) -> None:
        if ticket.is_drafted:
            self._set_aside(ticket)
        elif ticket.awaits_refiner:
            self.scheduler.hand_over(ticket)
            # The refiner may be in memory already.
            self.mailbox.wake()
        else:
            self.scheduler.finish_denoising(ticket)

    def _set_aside(self, ticket: Ticket) -> None:
        """End a draft, with a preview of each of its images."""
        result = self.runner.preview_all([ticket])
        self._fail_all(result.failed)
        for completed in result.completed:
            previews = [image for image in completed.result if image]
            if len(previews) < ticket.request.num_images:
                self._fail(ticket, FailureCode.NAN)
                continue
            self.report.drafted(ticket, previews)
            self._end(ticket)

    def _save(self, tickets: Iterable[Ticket]) -> None:
        for ticket in tickets:
            # One that ended in its preview has nothing left to go on with.
            if ticket.is_live and (saved := ticket.save()):
                ticket.saved_at = time.monotonic()
                self.report.saved(ticket, saved)

    def _preview(self, stepped: Iterable[Ticket]) -> None:
        """Preview the runs that somebody watches, each once an interval."""
        due = [t for t in stepped if t.is_due_for_preview(interval=self.preview_interval)]
        result = self.runner.preview(due)
        self._fail_all(result.failed)
        for completed in result.completed:
            ticket, image = completed.item, completed.result
            ticket.previewed_at = time.monotonic()
            if image is None:
                self._fail(ticket, FailureCode.NAN)
                continue
            self.report.previewed(ticket, image)

    def _decode(self) -> None:
        """Decode one batch of finished latents, and finish the runs with all their images."""
        result = self.runner.decode(self.scheduler.next_images())
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
            self.report.finished(ticket)
            self._end(ticket)

    def _fail_all(self, failed: Sequence[tuple[Ticket | PendingImage, Exception]]) -> None:
        for item, error in failed:
            self._fail(item.ticket, failure_code(error), error=error)

    def _fail(self, ticket: Ticket, code: FailureCode, *, error: Exception | None = None) -> None:
        """End the ticket with a failure; a ticket that has ended stays as it is."""
        if not ticket.is_live:
            return
        logger.warning("run %s failed: %s", ticket.key, code, exc_info=error)
        self.report.failed(ticket, code, detail=str(error or ""))
        self._end(ticket)

    def _end(self, ticket: Ticket) -> None:
        """Remove the ticket and release its run and its checkpoint."""
        ticket.is_live = False
        ticket.run = None
        ticket.states = []
        self.scheduler.remove(ticket)
        if self.scheduler.num_waiting:
            # The released memory may be enough for another ticket's checkpoint.
            self.mailbox.wake()
