"""Errors of the native API as problem+json (RFC 9457)."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from ninja.errors import AuthenticationError, HttpError, ValidationError

from accounts import body_sizes
from generation.api import auth, call_log, errors
from generation.api.errors import ApiError
from generation.api.native.schemas import Problem
from generation.api.threads import in_thread

PROBLEM_JSON = "application/problem+json"
# Responses that the document lists for every operation.
PROBLEMS: dict[Any, Any] = dict.fromkeys(
    (400, 401, 402, 403, 404, 405, 413, 422, 429, 500, 503), Problem
)


def problem(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The error response for an exception; notes its code in the call log."""
    error = _from_exception(exception)
    if call := auth.known_call(request):
        call.code = error.code
    response = JsonResponse(
        {
            "type": "about:blank",
            "title": error.code.replace("_", " "),
            "status": error.status,
            "code": error.code,
            "detail": error.message,
            "advice": error.advice,
            "request_id": str(call_log.request_id()),
            "errors": error.errors,
        },
        status=error.status,
        content_type=PROBLEM_JSON,
    )
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def with_problems(view: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a ninja view so that its 405 is a problem, too; ninja sends plain text."""

    @body_sizes.accepts(auth.MAX_BYTES, with_key=True)
    @csrf_exempt
    async def wrapped(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        run = view if iscoroutinefunction(view) else in_thread(view)
        response: HttpResponseBase = await run(request, **arguments)
        if response.status_code != 405:
            return response
        refused = problem(request, errors.wrong_method())
        refused["Allow"] = response["Allow"]
        return refused

    return wrapped


@csrf_exempt
async def not_found(request: HttpRequest) -> HttpResponse:
    """A view for unknown paths."""
    return problem(request, errors.not_found())


def _from_exception(exception: Exception) -> ApiError:
    match exception:
        case ValidationError():
            return _invalid(exception)
        case AuthenticationError():
            return ApiError(401, "unauthorized", _("There is no such key, or it works no more."))
        case HttpError():
            return ApiError(exception.status_code, "malformed", _("The body is no valid JSON."))
    return errors.from_exception(exception)


def _invalid(exception: ValidationError) -> ApiError:
    """The invalid fields by name, with pydantic's messages."""
    fields = {}
    for each in exception.errors:
        # The first parts of a location name our parameters, not the client's fields.
        location = [str(part) for part in each["loc"] if part not in {"body", "wish", "query"}]
        fields[".".join(location) or "body"] = str(each["msg"])
    return ApiError(422, "invalid", "; ".join(map(": ".join, fields.items())), errors=fields)
