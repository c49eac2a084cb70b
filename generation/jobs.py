"""Submit, claim, renew, finish, fail, cancel, hand back, reap: the only writer of `Job.status`.

Every move is a conditional update on (status, attempt) in the same transaction as its money: whoever
comes second changes nothing. Locks are taken in one order, the wallet's row before the job's.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing import ledger
from billing.models import Unit
from billing.plans import Plan, plan_of
from billing.tasks import ring
from generation import events, fairness, receipts, safety, speeds, storage, uploads
from generation.engine import catalogue
from generation.engine.events import Charge
from generation.engine.request import GenerationRequest, gettext_noop
from generation.models import MOVES, Image, Job, Status, Transition
from generation.storage import StoredPicture

if TYPE_CHECKING:
    from accounts.models import User

log = logging.getLogger(__name__)

# How many jobs may wait in line for each that the plan lets run at once.
WAITING_FOR_EACH_RUNNING = 10
# Between two looks a job may be claimed or return to the line, but hardly again and again.
CANCEL_TRIES = 3
LOST = gettext_noop("The machine that made this picture failed several times.")


class OverPlanLimit(Exception):
    """The request is larger than the user's plan allows. Nothing was written."""


class TooManyJobs(Exception):
    """The user has as many jobs in line as the plan allows. Nothing was written."""


class CheckpointUnavailable(Exception):
    """This installation lacks the checkpoint's weights, or they are damaged. Nothing was written."""


class LostRace(Exception):
    """Somebody else moved the job meanwhile. Nothing was written, and nothing is left to do."""


def submit(user: "User", request: GenerationRequest, *, synthetic_for: str = "") -> Job:
    """Hold what the request can cost at most and put it in line, both or neither.

    `synthetic_for` names a field, medicine say, for which its pictures are marked as synthetic.
    Raises CheckpointUnavailable, OverPlanLimit, TooManyJobs, safety.PromptRejected, safety.NotServing,
    uploads.MissingPicture or ledger.InsufficientBalance.
    """
    plan = plan_of(user)
    _require_available(request)
    _require_size(request, plan)
    safety.require_allowed(user, request)
    uploads.require(user, request)
    quote = speeds.quote(request)
    job = Job(
        user=user,
        request=request.to_dict(),
        checkpoint=request.checkpoint,
        queue_weight=plan.queue_weight,
        jobs_at_once=plan.jobs_at_once,
        quote_ms=quote.likely_ms,
        hold_ms=quote.ceiling_ms,
        queued_at=timezone.now(),
        synthetic_for=synthetic_for,
    )
    with transaction.atomic():
        # The hold locks the wallet: what follows is one at a time for each user.
        ledger.hold(user, unit=Unit.GPU_MS, amount=job.hold_ms, reference=job.hold_reference)
        _require_room_in_line(user, plan)
        where = fairness.place(user, cost_ms=job.quote_ms, weight=plan.queue_weight)
        job.rank, job.rank_end = where.rank, where.rank_end
        job.save(force_insert=True)
        Transition.objects.create(job=job, became=Status.QUEUED, attempt=0)
        _announce(job)
        transaction.on_commit(_ring, robust=True)
    return job


def claim(*, worker: str, warm: Collection[str] = ()) -> Job | None:
    """Take the job that goes next, under a lease; None if there is none."""
    with transaction.atomic():
        job = fairness.next_in_line(warm=warm)
        if job is None:
            return None
        return _move(
            job,
            Status.RUNNING,
            attempt=job.attempt + 1,
            worker=worker,
            lease_expires_at=_lease(),
            started_at=timezone.now(),
        )


def renew(job: Job) -> bool:
    """Prolong the lease; says whether this attempt of the job is still the caller's to run."""
    mine = Job.objects.running().filter(pk=job.pk, attempt=job.attempt)
    return bool(mine.update(lease_expires_at=_lease()))


def finish(
    job: Job, pictures: Sequence[StoredPicture], charges: Sequence[Charge], **free_ms: int
) -> None:
    """Keep the pictures, charge what was measured (at most the hold) and end the job, all or nothing.

    `free_ms` are phases that cost nothing, for the receipt. Raises LostRace.
    """
    receipt = receipts.charged(charges, ceiling_ms=job.hold_ms, **free_ms)
    with transaction.atomic():
        _settle(job, Status.SUCCEEDED, receipt)
        Image.objects.bulk_create(
            Image(
                job=job,
                user_id=job.user_id,
                index=picture.index,
                seed=picture.seed,
                width=picture.width,
                height=picture.height,
                file=picture.file,
                thumbnail=picture.thumbnail,
                bytes=picture.bytes,
                digest=picture.digest,
            )
            for picture in pictures
        )


def fail(
    job: Job, *, code: str, message: str, charges: Sequence[Charge] = (), **free_ms: int
) -> None:
    """End the job without a picture and without a charge. `message` is an untranslated sentence.

    Raises LostRace.
    """
    with transaction.atomic():
        _release(
            job, Status.FAILED, receipts.free(charges, **free_ms), error_code=code, error=message
        )


def stop(job: Job, charges: Sequence[Charge], **free_ms: int) -> None:
    """End a running job that its owner canceled; charges what was measured. Raises LostRace."""
    receipt = receipts.charged(charges, ceiling_ms=job.hold_ms, **free_ms)
    with transaction.atomic():
        _settle(job, Status.CANCELED, receipt)


def cancel(job: Job) -> None:
    """What the owner asks for: ends a waiting job at once, has a running one stopped at its next step.

    A job that has ended stays as it is. Safe to call twice.
    """
    for _try in range(CANCEL_TRIES):
        if waiting := Job.objects.queued().filter(pk=job.pk).first():
            try:
                return _cancel_waiting(waiting)
            except LostRace:
                # It was claimed a moment ago.
                continue
        if Job.objects.running().filter(pk=job.pk).update(cancel_requested=True):
            return events.ask_to_stop(job)
    return None


def hand_back(job: Job) -> None:
    """Put a claimed job back in line, at its old place: its worker ends, or lost its device.

    What its attempt cost is the house's. Raises LostRace.
    """
    with transaction.atomic():
        _return_to_line(job, note="handed back")
        transaction.on_commit(_ring, robust=True)
    storage.discard(job)


def reap() -> int:
    """Take back the jobs whose workers let the lease lapse; returns how many there were.

    A job that lost its worker MAX_ATTEMPTS times is likely the reason, and fails. Rows that somebody
    has locked are left for the next time.
    """
    lapsed = Job.objects.running().filter(lease_expires_at__lt=Now())
    reaped = 0
    for job in lapsed.order_by("lease_expires_at"):
        try:
            _reap(job)
        except (LostRace, OperationalError):
            # It goes on after all, or somebody settles it: the next time shows.
            continue
        reaped += 1
    return reaped


def ring_for_waiting() -> None:
    """Ring once for each job in line, as far as one worker has use for it: bells may have been lost."""
    waiting = Job.objects.queued()[: settings.WORKER_SLOTS].count()
    for _bell in range(waiting):
        _ring()


def _require_available(request: GenerationRequest) -> None:
    checkpoint, root = catalogue.get(request.checkpoint), settings.CHECKPOINTS_DIR
    if not catalogue.is_present(checkpoint, root=root):
        raise CheckpointUnavailable(
            _("%(name)s is not installed here. Choose another model.") % {"name": checkpoint.name}
        )
    if fault := catalogue.fault_in(checkpoint, root=root):
        log.error("checkpoint %s is unavailable: %s", checkpoint.id, fault)
        raise CheckpointUnavailable(
            _("%(name)s is not available at the moment. Choose another model.")
            % {"name": checkpoint.name}
        )


def _require_size(request: GenerationRequest, plan: Plan) -> None:
    if request.pixels > plan.max_pixels:
        raise OverPlanLimit(
            _("The %(plan)s plan makes pictures of up to %(megapixels)d megapixels.")
            % {"plan": plan.name, "megapixels": plan.max_megapixels}
        )


def _require_room_in_line(user: "User", plan: Plan) -> None:
    limit = plan.jobs_at_once * WAITING_FOR_EACH_RUNNING
    if Job.objects.for_user(user).queued().count() >= limit:
        raise TooManyJobs(
            ngettext(
                "You have %(limit)d picture in line already. Wait until it has started.",
                "You have %(limit)d pictures in line already. Wait until one has started.",
                limit,
            )
            % {"limit": limit}
        )


def _cancel_waiting(job: Job) -> None:
    with transaction.atomic():
        _release(job, Status.CANCELED, receipts.free(()))


def _reap(job: Job) -> None:
    lapses = job.lapses + 1
    with transaction.atomic():
        if lapses >= settings.MAX_ATTEMPTS:
            receipt = receipts.free(())
            _release(job, Status.FAILED, receipt, error_code="lost", error=LOST, lapses=lapses)
        else:
            _return_to_line(job, note="lease lapsed", lapses=lapses)
    # Not before: as long as the attempt could still finish, its files were wanted.
    storage.discard(job)


def _return_to_line(job: Job, *, note: str, **fields: Any) -> None:
    if Job.objects.filter(pk=job.pk, cancel_requested=True).exists():
        _release(job, Status.CANCELED, receipts.free(()), **fields)
    else:
        wanted = Q(cancel_requested=False)
        fields |= {"worker": "", "lease_expires_at": None}
        _move(job, Status.QUEUED, only=wanted, note=note, **fields)


def _settle(job: Job, became: Status, receipt: receipts.Receipt) -> None:
    """End the job with a charge, inside the caller's transaction."""
    try:
        charged = ledger.capture(job.hold_reference, amount=receipt.charged_ms)
    except ledger.AlreadySettled as error:
        raise LostRace from error
    _move(job, became, charged_ms=charged, receipt=receipt.to_dict(), **_ended())


def _release(job: Job, became: Status, receipt: receipts.Receipt, **fields: Any) -> None:
    """End the job without a charge, inside the caller's transaction."""
    try:
        ledger.release(job.hold_reference)
    except ledger.AlreadySettled as error:
        raise LostRace from error
    _move(job, became, charged_ms=0, receipt=receipt.to_dict(), **_ended(), **fields)


def _ended() -> dict[str, Any]:
    return {"finished_at": timezone.now(), "lease_expires_at": None}


def _move(job: Job, became: Status, *, only: Q | None = None, note: str = "", **fields: Any) -> Job:
    """The one door between two statuses. Raises LostRace if the job is not as `job` says any more.

    Returns the job as it is now. `job` stays as it was: if the transaction is rolled back, the same
    verb can be called with it again.
    """
    assert became in MOVES[Status(job.status)], f"{job.status} -> {became}"
    as_it_was = Job.objects.filter(only or Q(), pk=job.pk, status=job.status, attempt=job.attempt)
    if not as_it_was.update(status=became, **fields):
        raise LostRace
    moved = Job.objects.get(pk=job.pk)
    Transition.objects.create(
        job=moved, was=job.status, became=became, attempt=moved.attempt, note=note
    )
    _announce(moved)
    return moved


def _lease() -> Any:
    """By the database's clock, which all workers share."""
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)


def _announce(job: Job) -> None:
    """Tell the owner, once the row is there to be seen. If that fails, the row is true all the same."""
    transaction.on_commit(lambda: events.job_status(job), robust=True)


def _ring() -> None:
    from generation import tasks  # which needs this module

    ring(tasks.work)
