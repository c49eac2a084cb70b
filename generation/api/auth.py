"""Who asks, and whether the key may: before anything else is looked at."""

import base64
import binascii
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts import keys
from accounts.models import ApiKey, Scope
from generation.api.errors import ApiError, too_large

if TYPE_CHECKING:
    from generation.models import Job

MINUTE = 60
# A picture of uploads.MAX_BYTES as base64, and what stands around it.
MAX_BYTES = 30 * 2**20
_ENTRY = "generation.api.entry"


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """How many requests a key may make, of which how many are left until the minute is over."""

    limit: int
    remaining: int
    reset_seconds: int


@dataclass(kw_only=True)
class ApiCall:
    """A request whose key is known. `job` and `code` are filled in for the log of requests."""

    key: ApiKey
    rate: RateLimit
    began: float
    job: "Job | None" = None
    code: str = ""


def enter(request: HttpRequest, *, scope: Scope, max_bytes: int = MAX_BYTES) -> ApiCall:
    """Know the key again and count the request; what comes after can ask `entry_of`. Raises Refusal."""
    secret = secret_in(request)
    key = keys.find(secret) if secret else None
    if key is None:
        raise ApiError(401, "unauthorized", _("There is no such key, or it works no more."))
    entry = ApiCall(key=key, rate=_spend(key), began=time.monotonic())
    request.META[_ENTRY] = entry
    if entry.rate.remaining < 0:
        raise ApiError(
            429,
            "rate_limited",
            _("These are too many requests in a minute."),
            retry_after=entry.rate.reset_seconds,
        )
    if not key.may(scope):
        raise ApiError(403, "forbidden_scope", _("This key may not do this."))
    if int(request.META.get("CONTENT_LENGTH") or 0) > max_bytes:
        raise too_large()
    keys.note_use(key)
    return entry


def entry_of(request: HttpRequest) -> ApiCall:
    """The entry of a request that was let in."""
    entry = known_entry(request)
    assert entry is not None, "nobody has let this request in"
    return entry


def known_entry(request: HttpRequest) -> ApiCall | None:
    """The entry, if its key was known."""
    entry: ApiCall | None = request.META.get(_ENTRY)
    return entry


def secret_in(request: HttpRequest) -> str:
    """What the request shows as its key: a bearer token, or the password of Basic, or its name alone."""
    scheme, _space, value = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return request.headers.get("X-Api-Key", "")
    try:
        name, _colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password or name


def _spend(key: ApiKey) -> RateLimit:
    """Count one request of this minute."""
    minute, second = divmod(int(time.time()), MINUTE)
    counter = f"api.{key.pk}.{minute}"
    cache.add(counter, 0, timeout=2 * MINUTE)
    limit = settings.API_REQUESTS_A_MINUTE
    return RateLimit(
        limit=limit, remaining=limit - cache.incr(counter), reset_seconds=MINUTE - second
    )
