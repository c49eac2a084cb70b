"""OpenAI's error types, codes and error body."""

from collections.abc import Mapping
from typing import Any

from django.http import JsonResponse

from generation.api.endpoint import ApiFormat
from generation.api.errors import ApiError

# Status, type and code by our code. A code without an entry keeps its own.
ERRORS: Mapping[str, tuple[int, str, str]] = {
    "unauthorized": (401, "authentication_error", "invalid_api_key"),
    "forbidden_scope": (403, "permission_error", "insufficient_permissions"),
    "origin_not_allowed": (403, "permission_error", "insufficient_permissions"),
    "insufficient_credits": (429, "insufficient_quota", "insufficient_quota"),
    "insufficient_minutes": (429, "insufficient_quota", "insufficient_quota"),
    "payment_overdue": (429, "insufficient_quota", "insufficient_quota"),
    "budget_exceeded": (429, "insufficient_quota", "insufficient_quota"),
    "rate_limited": (429, "rate_limit_error", "rate_limit_exceeded"),
    "too_many_jobs": (429, "rate_limit_error", "rate_limit_exceeded"),
    "too_many_failures": (429, "rate_limit_error", "rate_limit_exceeded"),
    "prompt_rejected": (400, "image_generation_user_error", "moderation_blocked"),
    "blocked": (400, "image_generation_user_error", "moderation_blocked"),
    "checkpoint_unknown": (404, "invalid_request_error", "model_not_found"),
    "checkpoint_unavailable": (404, "invalid_request_error", "model_not_found"),
}
# Our names of fields to theirs.
PARAMS: Mapping[str, str] = {
    "checkpoint": "model",
    "num_images": "n",
    "width": "size",
    "height": "size",
}
# Their SDK retries every 429 unless told not to.
NO_RETRY = frozenset({"insufficient_quota", "budget_exceeded"})


def streamed(error: ApiError) -> dict[str, Any]:
    """The error object in a stream, which has no status."""
    _status, kind, code = ERRORS.get(error.code, (0, "server_error", error.code))
    return {"message": error.message, "type": kind, "param": None, "code": code}


def _response(error: ApiError) -> JsonResponse:
    status, kind, code = ERRORS.get(
        error.code, (400 if error.status == 422 else error.status, "", error.code)
    )
    kind = kind or ("invalid_request_error" if status < 500 else "server_error")
    param = PARAMS.get(error.param, error.param) or None
    if error.code == "invalid" and param:
        code = f"invalid_{param}"
    response = JsonResponse(
        {"error": {"message": error.explained, "type": kind, "param": param, "code": code}},
        status=status,
    )
    if code in NO_RETRY:
        response["x-should-retry"] = "false"
    return response


api_format = ApiFormat(error_response=_response)
