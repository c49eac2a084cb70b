"""Stripe's signature scheme for webhooks: `t=<seconds>,v1=<HMAC-SHA256 of "t.payload">`."""

import hmac
import re
import time
from hashlib import sha256

HEADER = "Stripe-Signature"
TOLERANCE_SECONDS = 300


class InvalidSignature(Exception):
    """Another sender signed the payload, or the signature is too old or too early."""


def sign(payload: bytes, *, secret: str, at: int) -> str:
    """The header for a payload that is sent `at` (seconds since the epoch)."""
    return f"t={at},v1={_digest(payload, secret=secret, timestamp=str(at))}"


def verify(payload: bytes, *, secret: str, header: str) -> None:
    """Raises InvalidSignature unless a `v1` of the header is right and at most 300 s old or early.

    Unknown schemes are ignored. The header has several `v1` while a secret is being replaced.
    """
    fields = [field.partition("=") for field in header.split(",")]
    timestamps = [value for name, _, value in fields if name.strip() == "t"]
    signatures = [value for name, _, value in fields if name.strip() == "v1"]
    # More digits than a clock has would overflow a float, and then the limit of `int`.
    if len(timestamps) != 1 or not re.fullmatch(r"[0-9]{1,12}", timestamps[0]):
        raise InvalidSignature("no timestamp")
    if abs(time.time() - int(timestamps[0])) > TOLERANCE_SECONDS:
        raise InvalidSignature("stale")
    expected = _digest(payload, secret=secret, timestamp=timestamps[0]).encode()
    if not any(hmac.compare_digest(expected, signature.encode()) for signature in signatures):
        raise InvalidSignature("no signature matches")


def _digest(payload: bytes, *, secret: str, timestamp: str) -> str:
    # Anyone can make an HMAC with an empty key.
    assert secret, "a webhook secret is set: see billing.E001"
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + payload, sha256).hexdigest()
