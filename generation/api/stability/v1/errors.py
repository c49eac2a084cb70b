"""The error body of Stability's v1."""

from django.http import JsonResponse

from generation.api import call_log
from generation.api.endpoint import ApiFormat
from generation.api.errors import ApiError
from generation.api.stability.errors import status_and_name
from generation.api.stability.parsing import MAX_BYTES


def _response(error: ApiError) -> JsonResponse:
    status, name = status_and_name(error)
    body = {"id": str(call_log.request_id()), "name": name, "message": error.message}
    return JsonResponse(body, status=status)


api_format = ApiFormat(error_response=_response, max_bytes=MAX_BYTES)
