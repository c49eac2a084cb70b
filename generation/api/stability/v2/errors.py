"""The error body of Stability's v2beta."""

from collections.abc import Mapping

from django.http import JsonResponse

from generation.api import call_log
from generation.api.endpoint import ApiFormat
from generation.api.errors import ApiError
from generation.api.stability.errors import status_and_name
from generation.api.stability.parsing import MAX_BYTES

# Our names of fields to theirs.
PARAMS: Mapping[str, str] = {
    "checkpoint": "model",
    "guidance_scale": "cfg_scale",
    "width": "aspect_ratio",
    "height": "aspect_ratio",
    "top": "up",
    "bottom": "down",
}


def _response(error: ApiError) -> JsonResponse:
    status, name = status_and_name(error)
    messages = [f"{PARAMS.get(param, param)}: {message}" for param, message in error.errors.items()]
    body = {
        "id": str(call_log.request_id()),
        "name": name,
        "errors": messages or [error.explained],
    }
    return JsonResponse(body, status=status)


api_format = ApiFormat(error_response=_response, max_bytes=MAX_BYTES)
