"""One process with one device: Celery's threads carry jobs, five of the worker's own serve them.

    Celery's     one job each, from its claim to its end   carrier.py
    engine       steps all running jobs together           step_loop.py
    tender       leases, cancellations, heartbeat          tender.py
    publisher    progress and previews to browsers         publisher.py
    reaper       jobs of dead workers, back to the queue   reaper.py
    watchdog     ends the process if one of these is stuck watchdog.py
    survey       what the model store and media store have survey.py

Only this package imports torch, so that web processes start without it.
"""

import logging
import os
import socket
import threading
from typing import Protocol

from django.conf import settings
from django.db import OperationalError

from generation import jobs
from generation.engine.loading.loader import Loader
from generation.engine.loop.engine import Engine
from generation.models import Pause
from generation.queue import heartbeats
from generation.worker import device as devices
from generation.worker.attempts import Attempts
from generation.worker.carrier import Carrier
from generation.worker.device import Device, device_name
from generation.worker.device_lock import DeviceTaken
from generation.worker.publisher import Publisher
from generation.worker.reaper import Reaper
from generation.worker.step_loop import StepLoop
from generation.worker.survey import Survey
from generation.worker.tender import Tender
from generation.worker.watchdog import Watchdog
from generation.worker.watchers import Watchers

log = logging.getLogger(__name__)

SURVEY_JOIN_SECONDS = 5.0


class Loop(Protocol):
    """Anything that runs in a thread of its own until the worker is closed."""

    def run(self, is_closed: threading.Event) -> None: ...


class Worker:
    """Call `start`, then `work` from any number of threads, then `stop`, then `close`.

    Without a `survey` it claims every job, whatever its stores have.
    """

    def __init__(
        self,
        engine: Engine,
        loader: Loader,
        *,
        name: str,
        slots: int,
        survey: Survey | None = None,
    ) -> None:
        self.name = name
        self.attempts = Attempts(engine)
        self.watchers = Watchers()
        self.is_stopping = threading.Event()
        self.is_closed = threading.Event()
        self._loader = loader
        self._slots = threading.BoundedSemaphore(slots)
        self._is_rung = False
        self._publisher = Publisher(on_cancel=self.attempts.cancel_job)
        device = Device(engine=engine, loader=loader, name=device_name(loader.device))
        self._carrier = Carrier(
            name,
            device,
            attempts=self.attempts,
            watchers=self.watchers,
            is_stopping=self.is_stopping,
            survey=survey,
        )
        step_loop = StepLoop(engine, attempts=self.attempts, publisher=self._publisher)
        tender = Tender(
            name,
            device,
            slots=slots,
            attempts=self.attempts,
            watchers=self.watchers,
            is_stopping=self.is_stopping,
            survey=survey,
        )
        watchdog = Watchdog(
            {
                "engine": step_loop.pulse,
                "tender": tender.pulse,
                "publisher": self._publisher.pulse,
            }
        )
        self._threads = [
            self._thread("engine", step_loop),
            self._thread("tender", tender),
            self._thread("reaper", Reaper()),
            self._thread("watchdog", watchdog),
        ]
        self._surveyor = self._thread("survey", survey) if survey else None

    def start(self) -> None:
        self._publisher.start()
        for thread in self._threads:
            thread.start()
        if self._surveyor:
            self._surveyor.start()

    def work(self, *, passes: int = 0) -> None:
        """Answer a bell: carry jobs until none is left to claim, or no slot is free.

        `passes` is the number of workers that the bell was of no use to.
        """
        # The thread that frees a slot looks again if a bell rang meanwhile, so no bell is lost.
        self._is_rung = True
        while self._is_rung and not self.is_stopping.is_set():
            # The slot that is made free is this thread's at once: its job is claimed while the other one leaves.
            if not (self._slots.acquire(blocking=False) or self._carrier.make_room()):
                break
            self._use_slot()
        if not self.is_stopping.is_set():
            self._carrier.pass_bell_on(passes)

    def _use_slot(self) -> None:
        """Carry jobs until none is left to claim, or until the slot is given to another thread."""
        has_slot = True
        try:
            self._is_rung = False
            while has_slot and (job := self._carrier.claim()):
                try:
                    self._carrier.carry(job)
                finally:
                    has_slot = self._carrier.keeps_slot(job)
        finally:
            if has_slot:
                self._slots.release()

    def stop(self, *, grace: float) -> None:
        """Claim no more jobs, and suspend those that still run in `grace` seconds. Returns at once.

        If the process is killed before, its jobs are not blamed, and go on from their state of this moment.
        """
        if not self.is_stopping.is_set():
            self.is_stopping.set()
            self.attempts.save_all()
            timer = threading.Timer(grace, self.attempts.pause_all, [Pause.WORKER_ENDED])
            timer.daemon = True
            timer.start()
            try:
                jobs.excuse(worker=self.name)
            except OperationalError as error:
                log.warning("could not excuse the jobs of this worker: %s", error)

    def close(self) -> None:
        """End the worker's threads, once no job runs any more."""
        self.is_closed.set()
        for thread in self._threads:
            thread.join()
        if self._surveyor:
            # It may wait for a file system that hangs.
            self._surveyor.join(SURVEY_JOIN_SECONDS)
        self._publisher.close()
        self._loader.close()
        heartbeats.withdraw(self.name)

    def _thread(self, name: str, loop: Loop) -> threading.Thread:
        return threading.Thread(target=loop.run, args=[self.is_closed], name=name, daemon=True)


def current() -> Worker:
    """This process's worker, created and started at the first call."""
    global _current  # noqa: PLW0603  # one device, one worker
    with _current_lock:
        if _current is None:
            engine, loader = _engine_or_end()
            name = f"{socket.gethostname()}:{os.getpid()}"
            _current = Worker(
                engine, loader, name=name, slots=settings.WORKER_SLOTS, survey=Survey()
            )
            _current.start()
        return _current


def _engine_or_end() -> tuple[Engine, Loader]:
    """This process's engine and loader; without a device the process ends."""
    try:
        return devices.from_settings()
    except DeviceTaken as taken:
        # Celery would go on without a device, and nothing would start it again.
        log.critical("%s", taken)
        os._exit(os.EX_UNAVAILABLE)


_current: Worker | None = None
_current_lock = threading.Lock()
