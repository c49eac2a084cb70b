"""Joins rows and engine: claims jobs, feeds them to the device, tells their owners, settles them.

One worker is one process with one device. Its threads: Celery's, each of which carries one job from
claim to settlement; the loop that steps the engine for all of them; the tender that renews leases; and
the publisher. Only this module and the engine know torch, so only workers load it.
"""

import contextlib
import logging
import os
import socket
import threading
import time

import torch
from django.conf import settings
from django.db import close_old_connections

from generation import jobs
from generation.engine.checkpoints.catalogue import UnknownCheckpoint
from generation.engine.events import (
    MESSAGES,
    Canceled,
    End,
    Event,
    Failed,
    FailureCode,
    Finished,
    Loading,
    Previewed,
    Started,
    Stepped,
)
from generation.engine.loading import device_memory
from generation.engine.loading.loader import Loader, pick_device
from generation.engine.loading.optimizations import Attention, Optimizations
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.engine import Engine
from generation.images import sources, storage
from generation.live import messages
from generation.models import Job
from generation.queue import estimates, heartbeats, uptime
from generation.queue.heartbeats import Heartbeat, Pacer, Totals
from generation.worker import outcome
from generation.worker.attempt import Attempt
from generation.worker.publisher import Preview, Publisher

log = logging.getLogger(__name__)

# What a run may take beyond its hold before it is stopped; the house pays for it.
BUDGET_FACTOR = 4
TEND_SECONDS = 1.0
UPTIME_SECONDS = 15.0


class Worker:
    """Call `start`, then `work` from any number of threads, then `stop`."""

    def __init__(self, engine: Engine, loader: Loader, *, name: str, slots: int) -> None:
        self.name = name
        self._engine = engine
        self._loader = loader
        self._device = device_name(loader.device)
        self._num_slots = slots
        self._slots = threading.BoundedSemaphore(slots)
        self._is_rung = False
        self._is_stopping = threading.Event()
        self._is_closed = threading.Event()
        self._running: dict[str, Attempt] = {}
        self._watched: frozenset[int] = frozenset()
        self._turn_began: float | None = None
        self._uptime_noted = self._renewed = time.monotonic()
        self._pacer = Pacer()
        self._publisher = Publisher(on_cancel=self._cancel)
        self._threads = [
            threading.Thread(target=self._step_forever, name="engine", daemon=True),
            threading.Thread(target=self._tend_forever, name="tender", daemon=True),
        ]

    def start(self) -> None:
        self._publisher.start()
        for thread in self._threads:
            thread.start()

    def work(self) -> None:
        """Answer a bell: carry jobs to their ends until none is left to claim, or no slot is free."""
        # Whoever frees a slot looks again if it was rung meanwhile, so no bell is lost.
        self._is_rung = True
        while (
            self._is_rung and not self._is_stopping.is_set() and self._slots.acquire(blocking=False)
        ):
            try:
                self._is_rung = False
                while job := self._claim():
                    self._carry(job)
            finally:
                self._slots.release()

    def stop(self, *, grace: float) -> None:
        """Claim nothing more, give what runs `grace` seconds, hand back the rest. Returns at once."""
        if not self._is_stopping.is_set():
            self._is_stopping.set()
            timer = threading.Timer(grace, self._hand_back_all)
            timer.daemon = True
            timer.start()

    def close(self) -> None:
        """End the worker's threads, once nothing runs any more."""
        self._is_closed.set()
        for thread in self._threads:
            thread.join()
        self._publisher.close()
        self._loader.close()
        heartbeats.withdraw(self.name)

    def _claim(self) -> Job | None:
        if self._is_stopping.is_set():
            return None
        warm = self._loader.warm
        messages.note_warm(warm)
        return jobs.claim(worker=self.name, warm=warm)

    def _carry(self, job: Job) -> None:
        """Run one job from its claim to its settlement, whatever happens."""
        try:
            self._run(job)
        except jobs.LostRace:
            log.warning("job %s attempt %d was taken back", job.pk, job.attempt)
            storage.discard(job)
        except UnknownCheckpoint as error:
            log.error("job %s: %s", job.pk, error)  # noqa: TRY400  # the reason is all there is to say
            with contextlib.suppress(jobs.LostRace):
                outcome.fail(job, code=FailureCode.LOAD, message=MESSAGES[FailureCode.LOAD])
        except Exception:
            log.exception("job %s attempt %d broke", job.pk, job.attempt)
            with contextlib.suppress(jobs.LostRace):
                outcome.fail(job, code=FailureCode.ERROR, message=MESSAGES[FailureCode.ERROR])

    def _run(self, job: Job) -> None:
        log.info("job %s attempt %d starts", job.pk, job.attempt)
        try:
            running = Attempt(job, sources.open_all(job.user_id, job.generation_request))
        except sources.MissingPicture as error:
            log.warning("job %s lacks its %s", job.pk, error.field)
            outcome.fail(job, code="input", message=outcome.NO_INPUT)
            return
        self._note_watched(job.user_id)
        self._running[running.key] = running
        try:
            self._engine.submit(
                running.request,
                key=running.key,
                inputs=running.inputs,
                weight=job.queue_weight,
                budget_us=self._budget_us(job),
                wants_preview=lambda: job.user_id in self._watched,
            )
            self._settle(running, running.end.result())
        finally:
            del self._running[running.key]

    def _budget_us(self, job: Job) -> int | None:
        """None on a device that has never finished such a run: its hold is a guess, however slow it is."""
        request = job.generation_request
        is_known = outcome.persist(lambda: estimates.is_known(request, device=self._device))
        return job.hold_ms * 1_000 * BUDGET_FACTOR if is_known else None

    def _settle(self, running: Attempt, end: End) -> None:
        """Write down how a run ended. Raises LostRace."""
        if running.is_lost:
            raise jobs.LostRace
        if running.is_handed_back and not isinstance(end, Finished):
            outcome.hand_back(running.job)
        else:
            outcome.settle(running.job, end, inputs=running.inputs, device=self._device)

    def _step_forever(self) -> None:
        while not self._is_closed.is_set():
            if not self._engine.wait(TEND_SECONDS):
                continue
            self._turn_began = time.monotonic()
            turn = self._engine.step()
            self._turn_began = None
            for event in turn:
                self._note(event)

    def _note(self, event: Event) -> None:
        running = self._running[event.key]
        match event:
            case Loading():
                running.phase = "loading"
            case Started():
                running.phase = "encoding"
            case Stepped(step=step, steps=steps):
                running.step = step
                running.phase = "decoding" if step == steps else "denoising"
            case Previewed(image=image):
                preview = Preview(job=running.job.pk, seq=running.seq, image=image)
                self._publisher.preview(running.job.user_id, preview)
                return
            case Finished() | Failed() | Canceled():
                running.end.set_result(event)
                return
        if running.has_news:
            self._publisher.progress(running.job.user_id, running.progress())

    def _tend_forever(self) -> None:
        """Once a second: is the device alive, the leases, who canceled, who watches, a heartbeat, uptime."""
        chores = (
            self._renew,
            self._cancel_requested,
            self._look_who_watches,
            self._beat,
            self._note_uptime,
        )
        while not self._is_closed.wait(TEND_SECONDS):
            self._end_if_stuck()
            for chore in chores:
                try:
                    chore()
                except Exception:
                    # Whatever is away comes back; what it is needed for must not keep the rest.
                    log.exception("the tender could not do everything")
            close_old_connections()

    def _note_uptime(self) -> None:
        """For the operator's books: the device was there, whether it worked or not."""
        now = time.monotonic()
        if now - self._uptime_noted >= UPTIME_SECONDS:
            uptime.note(self._device, ms=round((now - self._uptime_noted) * 1_000))
            self._uptime_noted = now

    def _renew(self) -> None:
        """Prolong the leases now and then, and stop what is no longer ours to run."""
        if time.monotonic() - self._renewed < settings.LEASE_RENEWAL_SECONDS:
            return
        for running in self._all_running():
            if not jobs.renew(running.job):
                running.is_lost = True
                self._engine.cancel(running.key)
        self._renewed = time.monotonic()

    def _look_who_watches(self) -> None:
        if self._running:
            self._watched = messages.watched(each.job.user_id for each in self._all_running())

    def _beat(self) -> None:
        stats = self._engine.stats
        totals = Totals(steps=stats.steps, rows=stats.rows, busy_us=dict(stats.us))
        heartbeats.say(
            Heartbeat(
                worker=self.name,
                device=self._device,
                slots=self._num_slots,
                is_stopping=self._is_stopping.is_set(),
                warm=tuple(sorted(self._loader.warm)),
                running=tuple(each.work() for each in self._all_running()),
                totals=totals,
                pace=self._pacer(totals),
            )
        )

    def _cancel_requested(self) -> None:
        """Find the cancellations whose hints were lost."""
        ids = [running.job.pk for running in self._all_running()]
        if not ids:
            return
        asked = Job.objects.running().filter(pk__in=ids, cancel_requested=True)
        for job_id in asked.values_list("pk", flat=True):
            self._cancel(str(job_id))

    def _cancel(self, job_id: str) -> None:
        for running in self._all_running():
            if str(running.job.pk) == job_id:
                self._engine.cancel(running.key)

    def _note_watched(self, user_id: int) -> None:
        """See at once whether a newcomer is watched, so that the first preview is not late."""
        if user_id not in self._watched:
            self._watched |= messages.watched([user_id])

    def _hand_back_all(self) -> None:
        for running in self._all_running():
            running.is_handed_back = True
            self._engine.cancel(running.key)

    def _end_if_stuck(self) -> None:
        """A step that never returns cannot be interrupted: end the process, so that its jobs are reaped."""
        began = self._turn_began
        if began is not None and time.monotonic() - began > settings.WORKER_STALL_SECONDS:
            log.critical("the device has not answered for %d s", settings.WORKER_STALL_SECONDS)
            os._exit(os.EX_SOFTWARE)

    def _all_running(self) -> list[Attempt]:
        return list(self._running.values())


def current() -> Worker:
    """This process's worker, made and started at the first call."""
    global _current  # noqa: PLW0603  # one device, one worker
    with _current_lock:
        if _current is None:
            loader = _loader()
            engine = Engine(
                loader=loader,
                batch_limit=BatchLimit(maximum=settings.WORKER_MAX_ROWS),
                preview_interval=settings.PREVIEW_INTERVAL_SECONDS,
            )
            name = f"{socket.gethostname()}:{os.getpid()}"
            _current = Worker(engine, loader, name=name, slots=settings.WORKER_SLOTS)
            _current.start()
        return _current


def _loader() -> Loader:
    """A loader for this machine's device, as the settings have it."""
    device = pick_device()
    return Loader(
        settings.CHECKPOINTS_DIR,
        device=device,
        budget_bytes=settings.WORKER_WARM_BYTES or device_memory.budget_bytes(device),
        optimizations=Optimizations(
            precision=settings.WORKER_DTYPE or None,
            channels_last=settings.WORKER_CHANNELS_LAST,
            compiled=settings.WORKER_COMPILE,
            cuda_graphs=settings.WORKER_GRAPHS,
            attention=Attention(settings.WORKER_ATTENTION),
        ),
    )


_current: Worker | None = None
_current_lock = threading.Lock()


def device_name(device: torch.device) -> str:
    """What kind of device it is: what was learned of one holds for all of its kind."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} {os.cpu_count()} cores" if device.type == "cpu" else device.type
