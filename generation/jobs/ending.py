"""The end of a job: its pictures, charge, receipt and status, all or nothing."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing import ledger, pricing
from generation.engine.charges import Charge
from generation.images import library
from generation.images.storage import StoredPicture
from generation.jobs import budgets, transitions
from generation.jobs.transitions import LostRace
from generation.models import Job, Status, receipts
from generation.models.receipts import Receipt


def finish(
    job: Job, stored: Sequence[StoredPicture], charges: Sequence[Charge], **free_ms: int
) -> None:
    """Keep the pictures, charge the measured time (at most the hold) and end the job.

    `free_ms` are the receipt's phases that cost nothing. Raises LostRace.
    """
    with transaction.atomic():
        _charge(job, Status.SUCCEEDED, charges, due_credits=job.credits, **free_ms)
        library.keep(job, stored)


def fail(
    job: Job, *, code: str, message: str, charges: Sequence[Charge] = (), **free_ms: int
) -> None:
    """End the job without pictures or a charge. `message` is an untranslated sentence.

    Raises LostRace.
    """
    with transaction.atomic():
        receipt = receipts.free(charges, why=receipts.FAILED, **free_ms)
        release(
            job,
            Status.FAILED,
            receipt,
            error_code=code,
            error=message,
            device_ms=receipts.device_ms(charges),
        )


def stop(job: Job, charges: Sequence[Charge], **free_ms: int) -> None:
    """End a running or paused job that its owner canceled; charges the measured time, or its part of the credits.

    Raises LostRace.
    """
    due_credits = pricing.credits_for_part(
        job.credits,
        steps_done=sum(charge.phase == receipts.STEP for charge in charges),
        steps=job.generation_request.own_evaluations,
    )
    with transaction.atomic():
        _charge(job, Status.CANCELED, charges, due_credits=due_credits, **free_ms)


def release(job: Job, became: Status, receipt: Receipt, **fields: Any) -> None:
    """End the job without a charge, inside the caller's transaction. Raises LostRace."""
    if job.has_hold:
        try:
            ledger.release(job.hold_reference)
        except ledger.AlreadySettled as error:
            raise LostRace from error
    budgets.settle(job, charged=0)
    if job.pays_in_credits:
        fields |= {"charged_credits": 0}
    transitions.end(
        job, became, at=timezone.now(), charged_ms=0, receipt=receipt.to_dict(), **fields
    )


def _charge(
    job: Job, became: Status, charges: Sequence[Charge], *, due_credits: int, **free_ms: int
) -> None:
    """End the job with a charge, inside the caller's transaction. Raises LostRace."""
    receipt = _receipt(job, charges, **free_ms)
    due = due_credits if job.pays_in_credits else receipt.charged_ms
    # The job and its ledger entries share one timestamp, so that they count on the same day.
    at = timezone.now()
    try:
        captured = ledger.capture(job.hold_reference, amount=due, at=at) if job.has_hold else 0
    except ledger.AlreadySettled as error:
        raise LostRace from error
    budgets.settle(job, charged=captured)
    transitions.end(
        job,
        became,
        at=at,
        charged_ms=0 if job.pays_in_credits else captured,
        charged_credits=captured if job.pays_in_credits else None,
        receipt=receipt.to_dict(),
        device_ms=receipts.device_ms(charges),
    )


def _receipt(job: Job, charges: Sequence[Charge], **free_ms: int) -> Receipt:
    if job.pays_in_credits:
        return receipts.free(charges, why=receipts.CREDITS, **free_ms)
    if job.is_relaxed:
        return receipts.free(charges, why=receipts.RELAXED, **free_ms)
    return receipts.charged(charges, ceiling_ms=job.hold_ms, **free_ms)
