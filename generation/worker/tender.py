"""The thread that keeps a worker in order: leases, cancellations, watchers, heartbeat, uptime."""

import logging
import threading
import time

from django.conf import settings
from django.db import close_old_connections

from generation import jobs
from generation.models import Job
from generation.queue import heartbeats, uptime
from generation.queue.heartbeats import Heartbeat, Pacer, Totals
from generation.worker.attempts import Attempts
from generation.worker.device import Device
from generation.worker.survey import Survey
from generation.worker.watchdog import Pulse
from generation.worker.watchers import Watchers

log = logging.getLogger(__name__)

TEND_SECONDS = 1.0
UPTIME_SECONDS = 15.0


class Tender:
    """Call `run` in a thread of its own; it returns once `is_closed` is set."""

    def __init__(
        self,
        worker: str,
        device: Device,
        *,
        slots: int,
        attempts: Attempts,
        watchers: Watchers,
        is_stopping: threading.Event,
        survey: Survey | None,
    ) -> None:
        self._survey = survey
        self._worker = worker
        self._device = device
        self._slots = slots
        self._attempts = attempts
        self._watchers = watchers
        self._is_stopping = is_stopping
        self.pulse = Pulse()
        self._pacer = Pacer()
        self._uptime_noted = self._renewed = time.monotonic()

    def run(self, is_closed: threading.Event) -> None:
        """Do every chore once a second, whatever becomes of the others."""
        chores = (
            self._renew,
            self._find_cancellations,
            self._look_who_watches,
            self._beat,
            self._note_uptime,
        )
        while not is_closed.wait(TEND_SECONDS):
            for chore in chores:
                self.pulse.beat()
                try:
                    chore()
                except Exception:
                    # A missing server comes back, and must not keep the worker from its other chores.
                    log.exception("the tender could not do everything")
            close_old_connections()

    def _renew(self) -> None:
        """Prolong the leases now and then, and stop the attempts that lost theirs."""
        if time.monotonic() - self._renewed < settings.LEASE_RENEWAL_SECONDS:
            return
        for attempt in self._attempts:
            if not jobs.renew(attempt.job):
                self._attempts.give_up(attempt)
        self._renewed = time.monotonic()

    def _find_cancellations(self) -> None:
        """Stop canceled jobs whose message was lost."""
        ids = [attempt.job.pk for attempt in self._attempts]
        if not ids:
            return
        canceled = Job.objects.running().filter(pk__in=ids, cancel_requested=True)
        for job_id in canceled.values_list("pk", flat=True):
            self._attempts.cancel_job(str(job_id))

    def _look_who_watches(self) -> None:
        if self._attempts:
            self._watchers.refresh(attempt.job.user_id for attempt in self._attempts)

    def _beat(self) -> None:
        stats = self._device.engine.stats
        totals = Totals(steps=stats.steps, rows=stats.rows, busy_us=dict(stats.us))
        heartbeats.say(
            Heartbeat(
                worker=self._worker,
                device=self._device.name,
                slots=self._slots,
                is_stopping=self._is_stopping.is_set(),
                warm=tuple(sorted(self._device.loader.warm)),
                running=tuple(attempt.work() for attempt in self._attempts),
                totals=totals,
                checkpoints=tuple(sorted(self._survey.checkpoints)) if self._survey else None,
                sees_media=self._survey is None or self._survey.sees_media,
                pace=self._pacer(totals),
            )
        )

    def _note_uptime(self) -> None:
        """Record the device's presence for the operator's margin, busy or not."""
        now = time.monotonic()
        if now - self._uptime_noted >= UPTIME_SECONDS:
            uptime.note(self._device.name, ms=round((now - self._uptime_noted) * 1_000))
            self._uptime_noted = now
