"""Stripe's signature scheme for webhooks: `t=<seconds>,v1=<HMAC-SHA256 of "t.payload">`."""

import hmac
import time
from hashlib import sha256

from django.conf import settings
from django.utils.crypto import salted_hmac

TOLERANCE_SECONDS = 300


class InvalidSignature(Exception):
    """The payload is not from whom it should be, or was sent at another time."""


def secret() -> str:
    """What payloads are signed with: the provider's, or with the sandbox one that follows from our key."""
    if settings.STRIPE_SECRET_KEY:
        return settings.STRIPE_WEBHOOK_SECRET
    return salted_hmac("billing.signature", "sandbox webhook", algorithm="sha256").hexdigest()


def sign(payload: bytes, *, at: int) -> str:
    """The header for a payload that is sent `at` (seconds since the epoch)."""
    return f"t={at},v1={_digest(payload, timestamp=str(at))}"


def verify(payload: bytes, *, header: str) -> None:
    """Raises InvalidSignature unless a `v1` of the header is right and no more than 300 s old or early.

    Unknown schemes are passed over; there may be several `v1` while a secret is being replaced.
    """
    fields = [field.partition("=") for field in header.split(",")]
    timestamps = [value for name, _, value in fields if name.strip() == "t"]
    signatures = [value for name, _, value in fields if name.strip() == "v1"]
    if len(timestamps) != 1 or not timestamps[0].isdecimal():
        raise InvalidSignature("no timestamp")
    if abs(time.time() - int(timestamps[0])) > TOLERANCE_SECONDS:
        raise InvalidSignature("stale")
    expected = _digest(payload, timestamp=timestamps[0]).encode()
    if not any(hmac.compare_digest(expected, signature.encode()) for signature in signatures):
        raise InvalidSignature("no signature matches")


def _digest(payload: bytes, *, timestamp: str) -> str:
    key = secret()
    assert key, "a webhook secret is set: see billing.E001"
    return hmac.new(key.encode(), f"{timestamp}.".encode() + payload, sha256).hexdigest()
