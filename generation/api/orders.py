"""Submits jobs for a key; a repeated request returns the jobs of the first."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import ApiKey
from billing import ledger
from billing.models import Unit
from generation import jobs, moderation
from generation.api import outbound_http
from generation.api.errors import ApiError
from generation.engine.request import GenerationRequest
from generation.jobs import admission, budgets
from generation.models import Job
from generation.models.api import Order

# SDKs retry within seconds; the same body after this is a new request.
RETRIES_WITHIN = timedelta(minutes=15)
MAX_TOKEN = 255


@dataclass(frozen=True, kw_only=True)
class Idempotency:
    """A request's identity: the digest of its body, and the client's Idempotency-Key as `token`.

    Without a token, only a request marked as a retry can match an earlier one.
    """

    digest: str
    token: str = ""
    is_retry: bool = False

    def __post_init__(self) -> None:
        if len(self.token) > MAX_TOKEN or not self.token.isprintable():
            raise ApiError(
                422,
                "invalid",
                _("An Idempotency-Key has at most 255 printable characters."),
                param="Idempotency-Key",
            )


def digest_of(sent: Mapping[str, Any]) -> str:
    """The SHA-256 of the fields, regardless of their order."""
    return hashlib.sha256(json.dumps(sent, sort_keys=True, default=str).encode()).hexdigest()


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if content else ""


def digests_of(sent: "Mapping[str, UploadedFile[Any]]") -> dict[str, str]:
    """The digests of a form's files by name; rewinds files that were read already."""
    digests = {}
    for name, file in sent.items():
        file.seek(0)
        digests[name] = sha256_of(file.read())
    return digests


def idempotency_of(
    request: HttpRequest, sent: Mapping[str, Any], *, is_retry: bool = False
) -> Idempotency:
    """The identity of a body sent to this path. Raises ApiError."""
    return Idempotency(
        token=request.headers.get("Idempotency-Key", ""),
        digest=digest_of({"path": request.path, **sent}),
        is_retry=is_retry,
    )


def find(key: ApiKey, idempotency: Idempotency) -> list[Job]:
    """The jobs of an earlier identical request; empty if there is none.

    Raises ApiError if the token was used for a different body.
    """
    orders = Order.objects.filter(api_key=key).select_related("job__user")
    orders = orders.prefetch_related("rest__job__user")
    if idempotency.token:
        order = orders.filter(token=idempotency.token).first()
        if order and order.digest != idempotency.digest:
            raise ApiError(
                422,
                "idempotency_key_reused",
                _("This Idempotency-Key came with another request before."),
                param="Idempotency-Key",
            )
        return order.jobs if order else []
    if idempotency.is_retry:
        recent = orders.filter(created_at__gt=timezone.now() - RETRIES_WITHIN)
        order = recent.filter(digest=idempotency.digest).order_by("-created_at").first()
        return order.jobs if order else []
    return []


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
    unit = Unit(key.pays_in)
    needed = 0
    for request in requests:
        _require_allowed(key, request)
        moderation.require_allowed(key.user, request)
        needed += admission.check(key.user, request, unit=unit).price
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
        # Outside the transaction: rolling back would also undo the record of the rejected prompt.
        moderation.require_allowed(key.user, request)
    unit = Unit(key.pays_in)
    with transaction.atomic():
        ledger.lock(key.user, unit)
        if known := find(key, idempotency):
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
