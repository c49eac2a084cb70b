"""Words of OpenAI's wire: how its answers look, and what its errors are called."""

from collections.abc import Mapping
from dataclasses import dataclass

# Our codes of refusals: their status, type and code. What is not here keeps its own.
ERRORS: Mapping[str, tuple[int, str, str]] = {
    "unauthorized": (401, "authentication_error", "invalid_api_key"),
    "forbidden_scope": (403, "permission_error", "insufficient_permissions"),
    "insufficient_credits": (429, "insufficient_quota", "insufficient_quota"),
    "insufficient_minutes": (429, "insufficient_quota", "insufficient_quota"),
    "payment_overdue": (429, "insufficient_quota", "insufficient_quota"),
    "budget_exceeded": (429, "insufficient_quota", "insufficient_quota"),
    "rate_limited": (429, "rate_limit_error", "rate_limit_exceeded"),
    "too_many_jobs": (429, "rate_limit_error", "rate_limit_exceeded"),
    "prompt_rejected": (400, "image_generation_user_error", "moderation_blocked"),
    "blocked": (400, "image_generation_user_error", "moderation_blocked"),
    "checkpoint_unknown": (404, "invalid_request_error", "model_not_found"),
    "checkpoint_unavailable": (404, "invalid_request_error", "model_not_found"),
}


@dataclass(frozen=True, kw_only=True)
class ResponseFormat:
    """How an answer is wanted; `kind` begins the names of its events."""

    format: str
    quality: int
    is_linked: bool
    is_streamed: bool
    partial_images: int
    kind: str
