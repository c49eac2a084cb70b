"""Stores the outcome of a run: pictures, charge and status, with retries while a server is away."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections, transaction
from PIL.Image import Image

from generation import jobs, moderation
from generation.engine import saved_run
from generation.engine.charges import Charge
from generation.engine.enums import Mode
from generation.engine.events import Canceled, Drafted, Failed, Finished
from generation.engine.messages import gettext_noop
from generation.engine.request import canvas
from generation.engine.saved_run import SavedRun
from generation.images import kept_states, storage
from generation.images.kept_states import NewState
from generation.jobs import saved_runs
from generation.models import Job, KeptState, Pause, failures, receipts
from generation.queue import estimates
from generation.worker.attempt import Attempt

log = logging.getLogger(__name__)

# The pause between two tries, and their total time, while PostgreSQL is away.
RETRY_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
STORAGE_TRIES = 3
NOT_STORED = gettext_noop("The picture could not be stored. Please try again.")
NOT_CHECKED = gettext_noop("The picture could not be checked, so it is not shown. Try again later.")
NO_INPUT = gettext_noop("The picture that this was to start from is not here any more.")
PAINTING = (Mode.INPAINT, Mode.OUTPAINT)

Result = TypeVar("Result")
Stored = TypeVar("Stored")


def settle(
    job: Job,
    end: Finished | Drafted | Failed | Canceled,
    *,
    inputs: Mapping[str, Image],
    device: str,
) -> None:
    """Finish, set aside, stop or fail the job, by the kind of its end. Raises LostRace.

    `device` is the kind of device that made all of its steps, or empty if several did.
    """
    if isinstance(end, Finished):
        _finish(job, end, inputs=inputs, device=device)
    elif isinstance(end, Drafted):
        _set_aside(job, end)
    elif isinstance(end, Canceled):
        persist(lambda: jobs.stop(job, end.charges, **_waited(job)))
    else:
        fail(job, code=end.code, message=end.message, charges=end.charges)


def fail(job: Job, *, code: str, message: str, charges: Sequence[Charge] = ()) -> None:
    """Fail the job without a charge. Raises LostRace."""
    persist(lambda: jobs.fail(job, code=code, message=message, charges=charges, **_waited(job)))


def hand_back(job: Job) -> None:
    """Return the job to the queue. Raises LostRace."""
    persist(lambda: jobs.hand_back(job))


def pause(attempt: Attempt, saved: SavedRun | None, why: Pause) -> None:
    """Return the job to the queue with the state that it goes on from. Raises LostRace."""
    job = attempt.job
    if saved is None or not _is_kept(attempt, saved):
        hand_back(job)
        return
    try:
        if not _is_canceled(job):
            persist(lambda: jobs.pause(job, step=saved.step, why=why))
            return
    except jobs.LostRace:
        if not _is_canceled(job):
            raise
    persist(lambda: jobs.stop(job, saved.charges, **_waited(job)))


def _is_canceled(job: Job) -> bool:
    mine = Job.objects.running().filter(pk=job.pk, attempt=job.attempt)
    return persist(mine.filter(cancel_requested=True).exists)


def _is_kept(attempt: Attempt, saved: SavedRun) -> bool:
    try:
        return saved_runs.keep(attempt.job, attempt.state_of(saved))
    except Exception as error:  # noqa: BLE001  # without its state the job starts over
        log.warning("could not keep the state of job %s: %r", attempt.job.pk, error)
        return False


def persist(do: Callable[[], Result]) -> Result:
    """Call `do`, again while PostgreSQL is away. Raises LostRace, or after PATIENCE_SECONDS the error."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return do()
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() > deadline:
                raise
            log.warning("PostgreSQL is away: %s", error)
            close_old_connections()
            time.sleep(RETRY_SECONDS)


def _finish(job: Job, end: Finished, *, inputs: Mapping[str, Image], device: str) -> None:
    request = job.generation_request
    images = list(end.images)
    if request.mode in PAINTING:
        images = [canvas.put_back(image, request, inputs) for image in images]
    if not _deliver(
        job,
        images,
        end.charges,
        store=lambda: storage.save(job, images, seeds=end.seeds),
        write=lambda stored, **free_ms: jobs.finish(job, stored, end.charges, **free_ms),
    ):
        return
    if device:
        quoted_ms = job.quote_ms if job.has_measured_quote else None
        estimates.learn(request, end.charges, device=device, quoted_ms=quoted_ms)
    _keep_states(job, end.states)


def _set_aside(job: Job, end: Drafted) -> None:
    """End a job of drafts with their states and previews. Raises LostRace."""
    states = [_state_of(job, end.saved, index) for index in range(len(end.previews))]

    def write(stored: Sequence[KeptState], **free_ms: int) -> None:
        with transaction.atomic():
            jobs.finish(job, (), end.charges, **free_ms)
            kept_states.keep_drafts(stored)

    if _deliver(
        job,
        end.previews,
        end.charges,
        store=lambda: kept_states.store_drafts(job, states, end.previews),
        write=write,
    ):
        persist(lambda: kept_states.make_room_for_drafts(job))


def _deliver(
    job: Job,
    images: Sequence[Image],
    charges: Sequence[Charge],
    *,
    store: Callable[[], Sequence[Stored]],
    write: Callable[..., None],
) -> bool:
    """Check the images, `store` their files and `write` the job's end; False if it failed instead.

    `write` gets what is stored, and the receipt's free phases by name. Raises LostRace.
    """
    try:
        verdict = moderation.check(images)
    except moderation.NotServing:
        fail(job, code=receipts.SAFETY, message=NOT_CHECKED, charges=charges)
        return False
    if verdict is not None and verdict.is_blocked:
        _block(job, charges, safety_ms=verdict.ms)
        return False
    began = time.monotonic()
    try:
        stored = tried(store)
    except storage.StorageRefused as error:
        log.error("job %s: %s", job.pk, error)  # noqa: TRY400  # the reason is all there is to say
        fail(job, code="storage", message=NOT_STORED, charges=charges)
        return False
    free_ms = {**_waited(job), receipts.STORAGE: round((time.monotonic() - began) * 1_000)}
    if verdict is not None:
        free_ms[receipts.SAFETY] = verdict.ms
    persist(lambda: write(stored, **free_ms))
    return True


def _keep_states(job: Job, states: Sequence[SavedRun]) -> None:
    """Keep the states that others can go on from, the earliest ones first. They may be lost: the pictures are there."""
    try:
        images = range(job.generation_request.num_images)
        wanted = [(state, index) for state in states for index in images]
        if wanted := wanted[: kept_states.most_of_pictures(job)]:
            kept_states.keep(job, [_state_of(job, state, index) for state, index in wanted])
    except Exception as error:  # noqa: BLE001  # whatever it is, the customer has the pictures
        log.warning("could not keep the states of job %s: %r", job.pk, error)


def _state_of(job: Job, saved: SavedRun, index: int) -> NewState:
    content = saved_run.dumps(saved.alone(index), name=f"{job.pk} {index}")
    return NewState(index=index, step=saved.step, content=content)


def _block(job: Job, charges: Sequence[Charge], *, safety_ms: int) -> None:
    """Fail a job whose pictures were blocked, and record a refusal. Raises LostRace."""
    free_ms = {**_waited(job), receipts.SAFETY: safety_ms}

    def write() -> None:
        with transaction.atomic():
            jobs.fail(
                job,
                code=failures.BLOCKED,
                message=moderation.HELD_BACK,
                charges=charges,
                **free_ms,
            )
            moderation.note_held_back(job)

    persist(write)


def tried(do: Callable[[], Result]) -> Result:
    """What `do` returns, in up to STORAGE_TRIES tries. Raises StorageRefused or OSError."""
    for last in (False,) * (STORAGE_TRIES - 1) + (True,):
        try:
            return do()
        except (storage.StorageRefused, OSError):
            if last:
                raise
            time.sleep(RETRY_SECONDS)
    raise AssertionError("the last try returns or raises")


def _waited(job: Job) -> dict[str, int]:
    return {receipts.QUEUE: job.waited_ms}
