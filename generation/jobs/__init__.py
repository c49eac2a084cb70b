"""Submit, park, claim, renew, finish, fail, cancel, hand back, reap: the only writer of `Job.status`.

Every move is a conditional update on (status, attempt) in the same transaction as its money: whoever
comes second changes nothing. Locks are taken in one order, the wallet's row before the job's.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts import bells
from billing import ledger, plans, pricing
from billing.models import Unit
from billing.plans import Plan, WhenEmpty
from generation import moderation
from generation.api import webhooks
from generation.engine.events import Charge
from generation.engine.messages import gettext_noop
from generation.engine.request import GenerationRequest
from generation.images import library, sources, storage
from generation.images.storage import StoredPicture
from generation.jobs import admission, budgets
from generation.jobs.admission import (
    WAITING_FOR_EACH_RUNNING,
    CheckpointUnavailable,
    OverPlanLimit,
    TooManyJobs,
)
from generation.live import messages
from generation.models import FINAL, MOVES, Job, Status, Transition, receipts
from generation.queue import counters, fair_queue

if TYPE_CHECKING:
    from accounts.models import ApiKey, User

__all__ = [
    "WAITING_FOR_EACH_RUNNING",
    "CheckpointUnavailable",
    "LostRace",
    "OverPlanLimit",
    "TooManyJobs",
    "cancel",
    "claim",
    "fail",
    "finish",
    "hand_back",
    "put_in_line",
    "reap",
    "renew",
    "ring_for_waiting",
    "stop",
    "submit",
]

# Between two looks a job may be claimed or return to the line, but hardly again and again.
CANCEL_TRIES = 3
LOST = gettext_noop("The machine that made this picture failed several times.")


class LostRace(Exception):
    """Somebody else moved the job meanwhile. Nothing was written, and nothing is left to do."""


def submit(
    user: "User",
    request: GenerationRequest,
    *,
    unit: Unit = Unit.GPU_MS,
    may_wait: bool = False,
    synthetic_for: str = "",
    api_key: "ApiKey | None" = None,
) -> Job:
    """Hold what the request can cost at most and put it in line, both or neither.

    With `may_wait`, a job that the minutes don't suffice for does what the plan says: it is parked, or
    goes on in the relaxed queue, and holds nothing. Credits are never waited for. `synthetic_for` names
    a field, medicine say, for which its pictures are marked as synthetic. What was asked for with an
    `api_key` counts against its budget.
    Raises CheckpointUnavailable, OverPlanLimit, TooManyJobs, plans.PaymentOverdue,
    safety.PromptRejected, safety.NotServing, sources.MissingPicture, budgets.OverBudget or, where it
    may not wait, ledger.InsufficientBalance.
    """
    agreed = admission.check(user, request, unit=unit)
    moderation.require_allowed(user, request)
    sources.require(user, request)
    job = Job(
        user=user,
        request=request.to_dict(),
        checkpoint=request.checkpoint,
        plan=agreed.plan.id,
        unit=unit,
        quote_ms=agreed.quote.likely_ms,
        hold_ms=agreed.quote.ceiling_ms,
        credits=agreed.credits,
        queued_at=timezone.now(),
        synthetic_for=synthetic_for,
        api_key=api_key,
    )
    with transaction.atomic():
        # What follows is one at a time for each user.
        ledger.lock(user, unit)
        if api_key is not None:
            assert not may_wait, "what a key may spend is known at once"
            budgets.take(api_key, job)
        without = _hold(job, agreed.plan, may_wait=may_wait)
        if without == WhenEmpty.PARK:
            admission.require_room_to_park(user)
            job.status = Status.PARKED
        else:
            admission.require_room_in_line(user, agreed.plan)
            for name, value in _place(job, agreed.plan, is_relaxed=without is not None).items():
                setattr(job, name, value)
        job.save(force_insert=True)
        Transition.objects.create(job=job, became=job.status, attempt=0)
        _announce(job)
        transaction.on_commit(partial(bells.ring, "generation.work"), robust=True)
    return job


def put_in_line(job: Job) -> Job:
    """Put a parked job in line, on the terms of today's plan, and hold what it can cost.

    If it can't be, it stays as it is. Raises plans.PaymentOverdue, TooManyJobs, LostRace or, unless the
    plan goes on without minutes, ledger.InsufficientBalance.
    """
    plan = plans.require_plan(job.user)
    with transaction.atomic():
        ledger.lock(job.user, Unit(job.unit))
        without = _hold(job, plan, may_wait=plan.when_empty == WhenEmpty.RELAX)
        admission.require_room_in_line(job.user, plan)
        place = _place(job, plan, is_relaxed=without is not None)
        moved = _move(job, Status.QUEUED, plan=plan.id, queued_at=timezone.now(), **place)
        transaction.on_commit(partial(bells.ring, "generation.work"), robust=True)
    return moved


def claim(*, worker: str, warm: Collection[str] = ()) -> Job | None:
    """Take the job that goes next, under a lease; None if there is none."""
    with transaction.atomic():
        job = fair_queue.next_in_line(warm=warm)
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
    job: Job, stored: Sequence[StoredPicture], charges: Sequence[Charge], **free_ms: int
) -> None:
    """Keep the pictures, charge what was measured (at most the hold) and end the job, all or nothing.

    `free_ms` are phases that cost nothing, for the receipt. Raises LostRace.
    """
    with transaction.atomic():
        _settle(job, Status.SUCCEEDED, charges, due_credits=job.credits, **free_ms)
        library.keep(job, stored)


def fail(
    job: Job, *, code: str, message: str, charges: Sequence[Charge] = (), **free_ms: int
) -> None:
    """End the job without a picture and without a charge. `message` is an untranslated sentence.

    Raises LostRace.
    """
    with transaction.atomic():
        receipt = receipts.free(charges, why=receipts.FAILED, **free_ms)
        _release(
            job,
            Status.FAILED,
            receipt,
            error_code=code,
            error=message,
            device_ms=receipts.device_ms(charges),
        )


def stop(job: Job, charges: Sequence[Charge], **free_ms: int) -> None:
    """End a running job that its owner canceled; charges what was measured, or its part of the credits.

    Raises LostRace.
    """
    due_credits = pricing.credits_for_part(
        job.credits,
        steps_done=sum(charge.phase == receipts.STEP for charge in charges),
        steps=job.generation_request.evaluations,
    )
    with transaction.atomic():
        _settle(job, Status.CANCELED, charges, due_credits=due_credits, **free_ms)


def cancel(job: Job) -> None:
    """What the owner asks for: ends a waiting job at once, has a running one stopped at its next step.

    A job that has ended stays as it is. Safe to call twice.
    """
    for _try in range(CANCEL_TRIES):
        if waiting := Job.objects.waiting().filter(pk=job.pk).first():
            try:
                return _cancel_waiting(waiting)
            except LostRace:
                # It was claimed, or left its parking place, a moment ago.
                continue
        if Job.objects.running().filter(pk=job.pk).update(cancel_requested=True):
            return messages.ask_to_stop(job)
    return None


def cancel_all(user: "User") -> None:
    """Cancel what the user has in line or running: the account was closed. Safe to call twice."""
    for job in Job.objects.for_user(user).active():
        cancel(job)


def cancel_of_closed() -> None:
    """Cancel the jobs of closed accounts that `cancel_all` missed, or that came a moment after it."""
    for job in Job.objects.active().filter(user__is_active=False, cancel_requested=False):
        cancel(job)


def hand_back(job: Job) -> None:
    """Put a claimed job back in line, at its old place: its worker ends, or lost its device.

    What its attempt cost is the house's. Raises LostRace.
    """
    with transaction.atomic():
        _return_to_line(job, note="handed back")
        transaction.on_commit(partial(bells.ring, "generation.work"), robust=True)
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
        bells.ring("generation.work")


def _hold(job: Job, plan: Plan, *, may_wait: bool) -> WhenEmpty | None:
    """Hold what the job can cost; where the minutes don't suffice, say what the plan does without.

    Raises InsufficientBalance if it may not wait; credits are never waited for.
    """
    try:
        ledger.hold(job.user, unit=Unit(job.unit), amount=job.price, reference=job.hold_reference)
    except ledger.InsufficientBalance:
        if not may_wait or job.pays_in_credits:
            raise
        return plan.when_empty
    return None


def _place(job: Job, plan: Plan, *, is_relaxed: bool) -> dict[str, Any]:
    """The job's place in line. Whoever goes for nothing has the same share as everybody."""
    weight = 1 if is_relaxed else plan.queue_weight
    where = fair_queue.place(job.user, cost_ms=job.quote_ms, weight=weight, is_relaxed=is_relaxed)
    return {
        "rank": where.rank,
        "rank_end": where.rank_end,
        "is_relaxed": is_relaxed,
        "queue_weight": weight,
        "jobs_at_once": plan.jobs_at_once,
    }


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


def _settle(
    job: Job, became: Status, charges: Sequence[Charge], *, due_credits: int, **free_ms: int
) -> None:
    """End the job with a charge, inside the caller's transaction."""
    receipt = _receipt(job, charges, **free_ms)
    due = due_credits if job.pays_in_credits else receipt.charged_ms
    # One moment for the job and its entries: so a day's usage is that day's entries.
    at = timezone.now()
    try:
        captured = ledger.capture(job.hold_reference, amount=due, at=at) if job.has_hold else 0
    except ledger.AlreadySettled as error:
        raise LostRace from error
    budgets.settle(job, charged=captured)
    _move(
        job,
        became,
        charged_ms=0 if job.pays_in_credits else captured,
        charged_credits=captured if job.pays_in_credits else None,
        receipt=receipt.to_dict(),
        device_ms=receipts.device_ms(charges),
        **_ended(at),
    )


def _release(job: Job, became: Status, receipt: receipts.Receipt, **fields: Any) -> None:
    """End the job without a charge, inside the caller's transaction."""
    if job.has_hold:
        try:
            ledger.release(job.hold_reference)
        except ledger.AlreadySettled as error:
            raise LostRace from error
    budgets.settle(job, charged=0)
    if job.pays_in_credits:
        fields |= {"charged_credits": 0}
    _move(job, became, charged_ms=0, receipt=receipt.to_dict(), **_ended(timezone.now()), **fields)


def _receipt(job: Job, charges: Sequence[Charge], **free_ms: int) -> receipts.Receipt:
    """The receipt of a job that is charged for, by its way of payment."""
    if job.pays_in_credits:
        return receipts.free(charges, why=receipts.CREDITS, **free_ms)
    if job.is_relaxed:
        return receipts.free(charges, why=receipts.RELAXED, **free_ms)
    return receipts.charged(charges, ceiling_ms=job.hold_ms, **free_ms)


def _ended(at: datetime) -> dict[str, Any]:
    return {"finished_at": at, "lease_expires_at": None}


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
    if became in FINAL and moved.api_key_id:
        webhooks.note_end(moved)
    _announce(moved)
    return moved


def _lease() -> Any:
    """By the database's clock, which all workers share."""
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)


def _announce(job: Job) -> None:
    """Tell the owner, and count it, once the row is there to be seen. If that fails, the row is true all the same."""
    transaction.on_commit(lambda: messages.job_status(job), robust=True)
    transaction.on_commit(lambda: counters.note(job), robust=True)
