"""Placing a job for a key, once however often it is asked for."""

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

# An SDK that got no answer asks again within seconds; later the same words are a new wish.
RETRIES_WITHIN = timedelta(minutes=15)
MAX_TOKEN = 255


@dataclass(frozen=True, kw_only=True)
class Idempotency:
    """What a client sent, to know it again: its own name for it, the sum of it, and whether it is a retry."""

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
    """The sum of what was sent, whatever the order of its fields."""
    return hashlib.sha256(json.dumps(sent, sort_keys=True, default=str).encode()).hexdigest()


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if content else ""


def sums_of(sent: "Mapping[str, UploadedFile[Any]]") -> dict[str, str]:
    """The sums of a form's files, which may have been read already."""
    sums = {}
    for name, file in sent.items():
        file.seek(0)
        sums[name] = sha256_of(file.read())
    return sums


def ticket_of(
    request: HttpRequest, sent: Mapping[str, Any], *, is_retry: bool = False
) -> Idempotency:
    """The ticket of what was sent to this address. Raises Refusal."""
    return Idempotency(
        token=request.headers.get("Idempotency-Key", ""),
        digest=digest_of({"path": request.path, **sent}),
        is_retry=is_retry,
    )


def find(key: ApiKey, ticket: Idempotency) -> list[Job]:
    """The jobs that the same request made before, if it did. Raises Refusal where it was another request."""
    orders = Order.objects.filter(api_key=key).select_related("job__user")
    orders = orders.prefetch_related("rest__job__user")
    if ticket.token:
        order = orders.filter(token=ticket.token).first()
        if order and order.digest != ticket.digest:
            raise ApiError(
                422,
                "idempotency_key_reused",
                _("This Idempotency-Key came with another request before."),
                param="Idempotency-Key",
            )
        return order.jobs if order else []
    if ticket.is_retry:
        recent = orders.filter(created_at__gt=timezone.now() - RETRIES_WITHIN)
        order = recent.filter(digest=ticket.digest).order_by("-created_at").first()
        return order.jobs if order else []
    return []


def place(
    key: ApiKey, request: GenerationRequest, ticket: Idempotency, *, webhook_url: str = ""
) -> tuple[Job, bool]:
    """The job for the request, and whether it is new. Raises Refusal, and all that `jobs.submit` does."""
    if webhook_url:
        outbound_http.require_fit(webhook_url)
    placed, is_new = _place(key, [request], ticket, webhook_url=webhook_url)
    return placed[0], is_new


def place_all(key: ApiKey, requests: Sequence[GenerationRequest], ticket: Idempotency) -> list[Job]:
    """The jobs for the parts of one request, all of them or none. Raises as `place`."""
    return _place(key, requests, ticket)[0]


def place_after(key: ApiKey, first: Job, requests: Sequence[GenerationRequest]) -> list[Job]:
    """The jobs that go on with what the first made: all or none, and once, however often it is asked for.

    Raises as `place`.
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
    """See that the key could ask for all of these now. Nothing is set aside. Raises as `place`."""
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


def beside(job: Job) -> list[Job]:
    """The job, and all others of the same request."""
    order = Order.objects.filter(job=job).select_related("job", "first__job").first()
    return (order.first or order).jobs if order else [job]


def _place(
    key: ApiKey,
    requests: Sequence[GenerationRequest],
    ticket: Idempotency,
    *,
    webhook_url: str = "",
) -> tuple[list[Job], bool]:
    for request in requests:
        _require_allowed(key, request)
        # Before the transaction, which a refusal would undo together with the operator's note of it.
        moderation.require_allowed(key.user, request)
    unit = Unit(key.pays_in)
    with transaction.atomic():
        ledger.lock(key.user, unit)
        if known := find(key, ticket):
            return known, False
        placed = [_submit(key, request, unit=unit) for request in requests]
        first = Order.objects.create(
            job=placed[0],
            api_key=key,
            token=ticket.token,
            digest=ticket.digest,
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
