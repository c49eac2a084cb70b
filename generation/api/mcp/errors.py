"""Errors of MCP requests: JSON-RPC bodies for HTTP, which tools do not use."""

from django.http import JsonResponse

from generation.api.endpoint import ApiFormat
from generation.api.errors import ApiError

# JSON-RPC leaves these numbers to servers; the code in `data` says more.
SERVER_ERROR = -32_000


def _response(error: ApiError) -> JsonResponse:
    response = JsonResponse(
        {
            "jsonrpc": "2.0",
            "id": None,
            "error": {
                "code": SERVER_ERROR,
                "message": message_of(error),
                "data": data_of(error),
            },
        },
        status=error.status,
    )
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if error.status == 405:
        response["Allow"] = "POST"
    return response


def message_of(error: ApiError) -> str:
    """The message with its advice, for a model to read."""
    end = "" if error.message.endswith((".", "!", "?", "。")) or not error.advice else "."
    return f"{error.message}{end} {error.advice}".strip()


def data_of(error: ApiError) -> dict[str, object]:
    """The stable code, the invalid fields, and the seconds to wait before a retry."""
    return {"code": error.code, "errors": error.errors, "retry_after": error.retry_after}


api_format = ApiFormat(error_response=_response)
