"""API keys: authentication, scopes and rate limits."""

import base64
import binascii
import time
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts import keys, rate_limits
from accounts.models import ApiKey, Scope
from accounts.rate_limits import MINUTE
from generation.api import cross_origin
from generation.api.errors import ApiError, forbidden_scope, too_large
from generation.models import Job

# An image of uploads.MAX_BYTES in base64, with room for the other fields.
MAX_BYTES = 30 * 2**20
_META_KEY = "generation.api.call"


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """Requests a minute that a key may make; `remaining` is below zero once it is exceeded."""

    limit: int
    remaining: int
    reset_seconds: int


@dataclass(kw_only=True)
class ApiCall:
    """A request with a valid key. Views set `job` and `code` for the call log."""

    key: ApiKey
    rate: RateLimit
    # On the monotonic clock.
    began: float
    job: Job | None = None
    code: str = ""


def authenticate(
    request: HttpRequest, *, scope: Scope | None, max_bytes: int = MAX_BYTES
) -> ApiCall:
    """Find the request's key and count the request; `call_of` then returns it. Raises ApiError.

    Without a scope any key will do: the view checks what it may.
    """
    secret = secret_in(request)
    key = keys.find(secret) if secret else None
    if key is None:
        raise ApiError(401, "unauthorized", _("There is no such key, or it works no more."))
    call = ApiCall(key=key, rate=_spend(key), began=time.monotonic())
    request.META[_META_KEY] = call
    if call.rate.remaining < 0:
        raise ApiError(
            429,
            "rate_limited",
            _("These are too many requests in a minute."),
            retry_after=call.rate.reset_seconds,
        )
    cross_origin.require_origin(request, key)
    if scope is not None and not key.may(scope):
        raise forbidden_scope()
    if int(request.META.get("CONTENT_LENGTH") or 0) > max_bytes:
        raise too_large()
    keys.note_use(key)
    return call


def call_of(request: HttpRequest) -> ApiCall:
    """The call of an authenticated request."""
    call = known_call(request)
    assert call is not None, "the request was not authenticated"
    return call


def known_call(request: HttpRequest) -> ApiCall | None:
    """The call, or None where the request had no valid key."""
    call: ApiCall | None = request.META.get(_META_KEY)
    return call


def secret_in(request: HttpRequest) -> str:
    """The key: a bearer token, the password or name of Basic auth, or X-Api-Key."""
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
    """Count the request against the current minute."""
    minute, second = divmod(int(time.time()), MINUTE)
    counter = f"api.{key.pk}.{minute}"
    limit = settings.API_REQUESTS_A_MINUTE
    spent = rate_limits.count(counter, seconds=2 * MINUTE)
    return RateLimit(limit=limit, remaining=limit - spent, reset_seconds=MINUTE - second)
