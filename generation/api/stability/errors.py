"""Stability's error names, which v1 and v2beta share."""

from collections.abc import Mapping

from generation.api.errors import ApiError

# Status and name by our code.
NAMES: Mapping[str, tuple[int, str]] = {
    "insufficient_credits": (402, "payment_required"),
    "insufficient_minutes": (402, "payment_required"),
    "prompt_rejected": (403, "content_moderation"),
    "blocked": (403, "content_moderation"),
    "too_large": (413, "payload_too_large"),
    "rate_limited": (429, "rate_limit_exceeded"),
    "too_many_failures": (429, "rate_limit_exceeded"),
}


def status_and_name(error: ApiError) -> tuple[int, str]:
    """Stability's status and name for an error."""
    is_bad_request = error.status in {404, 422} and error.code != "not_found"
    return NAMES.get(
        error.code,
        (400, "bad_request") if is_bad_request else (error.status, error.code),
    )
