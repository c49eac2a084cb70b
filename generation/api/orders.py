"""Submits the jobs of API requests: all of one request or none, within the limits of the key."""

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import ApiKey
from billing import ledger
from billing.models import Unit
from generation import jobs, moderation
from generation.api import outbound_http
from generation.api.errors import ApiError
from generation.api.idempotency import Idempotency, find_jobs
from generation.engine.request import GenerationRequest
from generation.jobs import admission, budgets
from generation.models import Job
from generation.models.api import Order


def place(
    key: ApiKey, request: GenerationRequest, idempotency: Idempotency, *, webhook_url: str = ""
) -> tuple[Job, bool]:
    """The job for the request, and whether it is new. Raises ApiError, and what `jobs.submit` raises."""
    if webhook_url:
        outbound_http.require_fit(webhook_url)
    placed, is_new = _place(key, [request], idempotency, webhook_url=webhook_url)
    return placed[0], is_new


def place_all(
    key: ApiKey, requests: Sequence[GenerationRequest], idempotency: Idempotency
) -> list[Job]:
    """Submit all parts of one request, or none. Raises as `place`."""
    return _place(key, requests, idempotency)[0]


def place_after(key: ApiKey, first: Job, requests: Sequence[GenerationRequest]) -> list[Job]:
    """Submit all jobs that start from the first's images, or none. Safe to call twice.

    Locks the balance. Raises as `place`.
    """
    unit = Unit(key.pays_in)
    with transaction.atomic():
        ledger.lock(key.user, unit)
        order = Order.objects.prefetch_related("rest__job__user").get(job=first)
        if known := order.jobs[1:]:
            return known
        placed = [_submit(key, request, unit=unit) for request in requests]
        for job in placed:
            Order.objects.create(job=job, api_key=key, first=order)
    return placed


def require_all(key: ApiKey, requests: Sequence[GenerationRequest]) -> None:
    """Check that the key could submit all of these now; holds nothing. Raises as `place`."""
    for request in requests:
        _require_allowed(key, request)
    _require_means(key, requests)
    for request in requests:
        moderation.require_allowed(key.user, request)


def _require_means(key: ApiKey, requests: Sequence[GenerationRequest]) -> None:
    """Check plan, budget and balance without a lock: the holds decide."""
    unit = Unit(key.pays_in)
    needed = sum(admission.check(key.user, each, unit=unit).price for each in requests)
    spent = budgets.spent(key)
    if key.budget is not None and spent + needed > key.budget:
        raise budgets.OverBudget(left=max(0, key.budget - spent))
    available = ledger.available(key.user, unit)
    if needed > available:
        raise _too_little(ledger.InsufficientBalance(needed=needed, available=available), unit)


def of_same_request(job: Job) -> list[Job]:
    """The job and all others of the same API request."""
    order = Order.objects.filter(job=job).select_related("job", "first__job").first()
    return (order.first or order).jobs if order else [job]


def _place(
    key: ApiKey,
    requests: Sequence[GenerationRequest],
    idempotency: Idempotency,
    *,
    webhook_url: str = "",
) -> tuple[list[Job], bool]:
    for request in requests:
        _require_allowed(key, request)
    if not find_jobs(key, idempotency):
        # First: reading a long prompt takes more than this, and no key may have it for nothing.
        _require_means(key, requests)
        for request in requests:
            # Outside the transaction: rolling back would also undo the record of the rejected prompt.
            moderation.require_allowed(key.user, request)
    unit = Unit(key.pays_in)
    with transaction.atomic():
        ledger.lock(key.user, unit)
        if known := find_jobs(key, idempotency):
            return known, False
        placed = [_submit(key, request, unit=unit) for request in requests]
        first = Order.objects.create(
            job=placed[0],
            api_key=key,
            token=idempotency.token,
            digest=idempotency.digest,
            webhook_url=webhook_url,
        )
        for job in placed[1:]:
            Order.objects.create(job=job, api_key=key, first=first)
    return placed, True


def _submit(key: ApiKey, request: GenerationRequest, *, unit: Unit) -> Job:
    try:
        return jobs.submit(key.user, request, unit=unit, api_key=key)
    except ledger.InsufficientBalance as error:
        raise _too_little(error, unit) from error


def _too_little(error: ledger.InsufficientBalance, unit: Unit) -> ApiError:
    code = "insufficient_credits" if unit == Unit.CREDITS else "insufficient_minutes"
    return ApiError(402, code, str(error))


def _require_allowed(key: ApiKey, request: GenerationRequest) -> None:
    if key.checkpoints and request.checkpoint not in key.checkpoints:
        raise ApiError(
            403,
            "checkpoint_not_allowed",
            _("This key may not use this checkpoint."),
            param="checkpoint",
        )
    if key.max_pixels is not None and request.pixels > key.max_pixels:
        raise ApiError(
            403, "size_not_allowed", _("This key may not make so large a picture."), param="width"
        )
