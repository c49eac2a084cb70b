"""Recognizes repeated API requests by their Idempotency-Key or the digest of their body."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import ApiKey
from generation.api.errors import ApiError
from generation.models import Job
from generation.models.api import Order

# SDKs retry within seconds; the same body after this is a new request.
RETRIES_WITHIN = timedelta(minutes=15)
MAX_TOKEN = 255


@dataclass(frozen=True, kw_only=True)
class Idempotency:
    """A request's identity: the digest of its body, and the client's Idempotency-Key as `token`.

    Without a token, only a request marked as a retry can match an earlier one whose response was not delivered.
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


def identify(
    request: HttpRequest, sent: Mapping[str, Any], *, is_retry: bool = False
) -> Idempotency:
    """The identity of a body sent to this path. Raises ApiError."""
    return Idempotency(
        token=request.headers.get("Idempotency-Key", ""),
        digest=digest_of({"path": request.path, **sent}),
        is_retry=is_retry,
    )


def find_jobs(key: ApiKey, idempotency: Idempotency) -> list[Job]:
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
        recent = orders.filter(created_at__gt=timezone.now() - RETRIES_WITHIN, delivered_at=None)
        order = recent.filter(digest=idempotency.digest).order_by("-created_at").first()
        return order.jobs if order else []
    return []
