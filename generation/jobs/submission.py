"""New jobs: every refusal first, then the hold and the place in the queue, both or neither."""

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from billing import ledger
from billing.models import Unit
from billing.plans import Plan, WhenEmpty
from generation import moderation
from generation.engine.request import GenerationRequest
from generation.images import kept_states, sources
from generation.jobs import admission, budgets, failure_limit, placement, transitions
from generation.jobs.admission import Terms
from generation.models import Job, Status

if TYPE_CHECKING:
    from accounts.models import ApiKey, User


def submit(
    user: "User",
    request: GenerationRequest,
    *,
    unit: Unit = Unit.GPU_MS,
    may_wait: bool = False,
    synthetic_for: str = "",
    api_key: "ApiKey | None" = None,
) -> Job:
    """Hold the most that the request can cost and queue it, both or neither.

    With `may_wait`, a lack of minutes does what the plan says, without a hold: the job is parked or joins
    the relaxed queue. Credits are never waited for. `synthetic_for` names a field, such as medicine, in
    which the pictures are labeled as synthetic. A job with an `api_key` counts against its budget.
    Raises, in this order: TooManyFailures, plans.PaymentOverdue, CheckpointUnavailable, OverPlanLimit,
    moderation.NotServing, moderation.PromptRejected, sources.MissingPicture, kept_states.MissingState,
    budgets.OverBudget, ledger.InsufficientBalance (unless it may wait), TooManyJobs.
    """
    failure_limit.require_pause(user)
    terms = admission.check(user, request, unit=unit)
    moderation.require_allowed(user, request)
    sources.require(user, request)
    state = kept_states.require(user, request)
    job = _build(user, request, terms, synthetic_for=synthetic_for, api_key=api_key)
    job.branched_from = state.job if state else None
    with transaction.atomic():
        # The wallet's lock serializes a user's submissions from here on.
        ledger.lock(user, unit)
        if api_key is not None:
            assert not may_wait, "a key's request is answered at once"
            budgets.take(api_key, job)
        shortage = placement.hold(job, terms.plan, may_wait=may_wait)
        if shortage == WhenEmpty.PARK:
            _park(job)
        else:
            _enqueue(job, terms.plan, is_relaxed=shortage is not None)
        transitions.create(job)
        transitions.ring_on_commit()
    return job


def _build(
    user: "User",
    request: GenerationRequest,
    terms: Terms,
    *,
    synthetic_for: str,
    api_key: "ApiKey | None",
) -> Job:
    return Job(
        user=user,
        request=request.to_dict(),
        checkpoint=request.checkpoint,
        plan=terms.plan.id,
        unit=terms.unit,
        quote_ms=terms.quote.likely_ms,
        hold_ms=terms.quote.ceiling_ms,
        has_measured_quote=terms.quote.is_measured,
        credits=terms.credits,
        queued_at=timezone.now(),
        synthetic_for=synthetic_for,
        api_key=api_key,
    )


def _park(job: Job) -> None:
    """Raises TooManyJobs."""
    admission.require_room_to_park(job.user)
    job.status = Status.PARKED


def _enqueue(job: Job, plan: Plan, *, is_relaxed: bool) -> None:
    """Raises TooManyJobs."""
    admission.require_room_in_line(job.user, plan)
    for name, value in placement.place(job, plan, is_relaxed=is_relaxed).items():
        setattr(job, name, value)
