"""One job from its claim to its end, on one of Celery's threads."""

import contextlib
import logging
import threading
from collections import deque
from uuid import UUID

from generation import jobs
from generation.engine import saved_run
from generation.engine.checkpoints.catalogue import UnknownCheckpoint
from generation.engine.diffusion.run_state import UnusableState
from generation.engine.events import End, Failed, Suspended
from generation.engine.failures import MESSAGES, FailureCode
from generation.engine.saved_run import SavedRun
from generation.images import kept_states, sources, storage
from generation.jobs import preemption, saved_runs
from generation.live import latest
from generation.models import Job, Pause, failures
from generation.queue import estimates, fair_queue, stores
from generation.worker import outcome
from generation.worker.attempt import Attempt
from generation.worker.attempts import Attempts
from generation.worker.device import Device
from generation.worker.survey import Survey
from generation.worker.watchers import Watchers

log = logging.getLogger(__name__)

# A run may take this many times its measured quote before it is stopped. The house pays for the excess.
BUDGET_FACTOR = 4
# A bell that is of no use here comes to another worker, or back.
MOST_PASSES = 8


class Carrier:
    """Claims jobs and carries each to its end. Any number of threads may use it."""

    def __init__(
        self,
        worker: str,
        device: Device,
        *,
        attempts: Attempts,
        watchers: Watchers,
        is_stopping: threading.Event,
        survey: Survey | None,
    ) -> None:
        self._survey = survey
        self._worker = worker
        self._device = device
        self._attempts = attempts
        self._watchers = watchers
        self._is_stopping = is_stopping
        self._claiming = threading.Lock()
        # Attempts by job and number: a lost one may still run when its job is claimed again.
        self._claimed: dict[tuple[UUID, int], Job] = {}
        # Waiting jobs that other jobs make room for, in the order in which they get it.
        self._reserved: deque[UUID] = deque()
        # Attempts whose slot another thread has already.
        self._without_slot: set[tuple[UUID, int]] = set()

    def claim(self) -> Job | None:
        """Lease the next job; None if no job may start, or the worker is stopping."""
        with self._claiming:
            others = tuple(self._claimed.values())
            if self._is_stopping.is_set() or any(job.is_suspect for job in others):
                return None
            store = self._survey.usable if self._survey else None
            if store is not None and not store:
                return None
            warm = self._device.loader.warm
            latest.note_warm(warm)
            job = jobs.claim(
                worker=self._worker,
                warm=warm,
                running=[job.pk for job in others],
                store=store,
                wanted=self._reserved.popleft() if self._reserved else None,
            )
            if job is not None:
                self._claimed[job.pk, job.attempt] = job
            return job

    def make_room(self) -> bool:
        """Suspend a running job for one of higher standing, if such a one waits and no other worker is free.

        True if the suspended job's slot is the caller's from now on.
        """
        with self._claiming:
            if self._is_stopping.is_set():
                return False
            first = self._first_waiting()
            if first is None or self._is_free_elsewhere(first):
                return False
            able = {each.job.pk: each for each in self._attempts if each.may_be_paused}
            chosen = preemption.choose(first, {id: each.step for id, each in able.items()})
            if chosen is None:
                return False
            log.info("job %s makes room for %s", chosen.out.pk, chosen.wanted)
            self._reserved.append(chosen.wanted)
            leaving = able[chosen.out.pk]
            self._without_slot.add((leaving.job.pk, leaving.job.attempt))
            self._attempts.pause(leaving, chosen.why)
            return True

    def keeps_slot(self, job: Job) -> bool:
        """Say, once after its end, whether the job's slot is still with the thread that carried it."""
        key = job.pk, job.attempt
        with self._claiming:
            is_kept = key not in self._without_slot
            self._without_slot.discard(key)
            return is_kept

    def _first_waiting(self) -> Job | None:
        store = self._survey.usable if self._survey else None
        return fair_queue.first_waiting(store=store, but_not=tuple(self._reserved))

    def _is_free_elsewhere(self, job: Job) -> bool:
        return any(
            each.worker != self._worker and each.free_slots > 0 and not stores.lacks(each, job)
            for each in stores.alive_if_known()
        )

    def pass_bell_on(self, passes: int) -> None:
        """Ring again if a job waits that another worker has a free slot for, or the checkpoints.

        The bell may come back: it is passed on MOST_PASSES times.
        """
        if passes >= MOST_PASSES:
            return
        store = self._survey.usable if self._survey else None
        lacks = store is not None and stores.wanted_elsewhere(store, worker=self._worker)
        if lacks or ((first := self._first_waiting()) and self._is_free_elsewhere(first)):
            jobs.ring(passes=passes + 1)

    def carry(self, job: Job) -> None:
        """Run a claimed job and write down its end. An error fails the job."""
        try:
            self._carry(job)
        finally:
            del self._claimed[job.pk, job.attempt]
        if job.is_suspect:
            # Nothing was claimed beside it.
            outcome.persist(jobs.ring_for_waiting)

    def _carry(self, job: Job) -> None:
        try:
            if self._is_stopping.is_set():
                # Claimed a moment before, and too late to be excused.
                outcome.hand_back(job)
            else:
                self._run(job)
        except jobs.LostRace:
            log.warning("job %s attempt %d was taken back", job.pk, job.attempt)
            storage.discard(job)
        except UnknownCheckpoint as error:
            log.error("job %s: %s", job.pk, error)  # noqa: TRY400  # the reason is all there is to say
            self._end_without_checkpoint(job)
        except Exception:
            log.exception("job %s attempt %d broke", job.pk, job.attempt)
            _fail(job, FailureCode.ERROR)

    def _run(self, job: Job) -> None:
        log.info("job %s attempt %d starts", job.pk, job.attempt)
        try:
            inputs = sources.open_all(job.user_id, job.generation_request)
        except sources.MissingPicture as error:
            log.warning("job %s lacks its %s", job.pk, error.field)
            outcome.fail(job, code=failures.NO_INPUT, message=outcome.NO_INPUT)
            return
        try:
            origin = _origin(job)
        except (kept_states.MissingState, UnusableState) as error:
            log.warning("job %s cannot go on from its state: %r", job.pk, error)
            _fail(job, FailureCode.ORIGIN)
            return
        # Read now: the engine's thread reports it, and waits for no server.
        outcome.persist(lambda: job.waited_ms)
        attempt = Attempt(job, inputs, _saved(job))
        if job.paused_step and not attempt.saved:
            outcome.persist(lambda: jobs.start_over(job))
        self._watchers.look_for(job.user_id)
        with self._attempts.including(attempt):
            self._device.engine.submit(
                attempt.request,
                key=attempt.key,
                inputs=attempt.inputs,
                weight=job.queue_weight,
                budget_us=self._budget_us(attempt),
                wants_preview=lambda: job.user_id in self._watchers,
                saved=attempt.saved,
                origin=origin,
            )
            if attempt.paused_for:
                # It was asked to leave before it had come.
                self._attempts.pause(attempt, attempt.paused_for)
            self._settle(attempt, attempt.end.result())

    def _budget_us(self, attempt: Attempt) -> int | None:
        """The run's limit in microseconds; None if its quote or this device's speed is a guess.

        It is in addition to what was billed before, perhaps by a slower device.
        """
        job = attempt.job
        if not job.has_measured_quote:
            return None
        request = job.generation_request
        here = outcome.persist(lambda: estimates.quote_on(self._device.name, request))
        # The quote may be that of a faster device, the only one known at submission.
        if here is None:
            return None
        return attempt.billed_us + max(job.hold_ms, here.ceiling_ms) * 1_000 * BUDGET_FACTOR

    def _settle(self, attempt: Attempt, end: End) -> None:
        """Write down the attempt's end. Raises LostRace."""
        if attempt.is_lost:
            raise jobs.LostRace
        could_not_load = isinstance(end, Failed) and end.code == FailureCode.LOAD
        if isinstance(end, Suspended):
            outcome.pause(attempt, end.saved, attempt.paused_for or Pause.WORKER_ENDED)
        elif could_not_load and self._lacks(attempt.job):
            outcome.hand_back(attempt.job)
        else:
            device = "" if attempt.saved else self._device.name
            outcome.settle(attempt.job, end, inputs=attempt.inputs, device=device)

    def _end_without_checkpoint(self, job: Job) -> None:
        if self._lacks(job):
            with contextlib.suppress(jobs.LostRace):
                outcome.hand_back(job)
        else:
            _fail(job, FailureCode.LOAD)

    def _lacks(self, job: Job) -> bool:
        """True if a checkpoint of the job has left the model store since the claim."""
        if self._survey is None:
            return False
        self._survey.look()
        return not stores.needs(job) <= self._survey.checkpoints


def _saved(job: Job) -> SavedRun | None:
    """The run that the job goes on with, if any. A suspect starts over: its state may be what ends its workers."""
    content = saved_runs.take(job)
    if content is None or job.is_suspect:
        return None
    try:
        return saved_run.loads(content)
    except UnusableState as error:
        log.warning("job %s starts over: %s", job.pk, error)
        return None


def _origin(job: Job) -> SavedRun | None:
    """The state of another job's run that the job goes on from, if any. Raises MissingState, UnusableState."""
    request = job.generation_request
    if not request.origin:
        return None
    return saved_run.loads(outcome.tried(lambda: kept_states.read(job.user_id, request)))


def _fail(job: Job, code: FailureCode) -> None:
    with contextlib.suppress(jobs.LostRace):
        outcome.fail(job, code=code, message=MESSAGES[code])
