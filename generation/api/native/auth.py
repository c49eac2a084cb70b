"""What stands before every endpoint of the native API: the key, and errors as problem+json.

`native` gathers the endpoints on `api`, and is the one to ask for the addresses.
"""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.parser import Parser
from ninja.security.http import HttpBearer

from accounts.models import ApiKey, Scope
from generation.api import auth, call_log_middleware
from generation.api import errors as api_errors
from generation.api.errors import ApiError
from generation.api.native.schemas import Problem
from generation.api.threads import in_thread
from generation.models import Job

PROBLEM_JSON = "application/problem+json"
# What any request may be answered with.
PROBLEMS: dict[Any, Any] = dict.fromkeys(
    (400, 401, 402, 403, 404, 405, 413, 422, 429, 500, 503), Problem
)


class Body(Parser):
    """Reads as much as a picture takes; how much that may be was looked at before."""

    def parse_body(self, request: HttpRequest) -> Any:
        return json.loads(request.read())


class KeyAuth(HttpBearer):
    """Lets a key in that may do what the scope says."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope

    async def __call__(self, request: HttpRequest) -> Any:
        return await in_thread(auth.enter)(request, scope=self.scope)

    async def authenticate(self, request: HttpRequest, token: str) -> Any:
        raise AssertionError("it is called as a whole")


GENERATE, READ, ACCOUNT = (KeyAuth(scope) for scope in Scope)


class Api(NinjaAPI):
    """Says in its document that problems are problem+json, and names each operation for good."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The same wherever its function stands: programs are generated from it."""
        return f"generation_api_native_{operation.view_func.__name__}"

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status, answer in operation["responses"].items():
                    if int(status) >= 400:
                        answer["content"] = {PROBLEM_JSON: answer["content"]["application/json"]}
        return schema


api = Api(
    title=f"{settings.SITE_NAME} API",
    version="1",
    description=(
        "Amounts of credits are integers in thousandths, GPU time is in milliseconds. Every answer has "
        "`X-Request-Id`, and `RateLimit-Limit`, `-Remaining` and `-Reset`."
    ),
    urls_namespace="api",
    parser=Body(),
)


@api.exception_handler(Exception)
def problem(request: HttpRequest, error: Exception) -> HttpResponse:
    """Any error as problem+json."""
    refusal = _refusal_of(error)
    if entry := auth.known_entry(request):
        entry.code = refusal.code
    answer = JsonResponse(
        {
            "type": "about:blank",
            "title": refusal.code.replace("_", " "),
            "status": refusal.status,
            "code": refusal.code,
            "detail": refusal.message,
            "advice": refusal.advice,
            "request_id": str(call_log_middleware.request_id()),
            "errors": refusal.errors,
        },
        status=refusal.status,
        content_type=PROBLEM_JSON,
    )
    if refusal.retry_after is not None:
        answer["Retry-After"] = str(refusal.retry_after)
    if refusal.status == 401:
        answer["WWW-Authenticate"] = "Bearer"
    return answer


# ninja has handlers of its own for these, which come before one for every exception.
for kind in (ValidationError, HttpError, AuthenticationError, Http404):
    api.exception_handler(kind)(problem)


def key_of(request: HttpRequest) -> ApiKey:
    """The key of a request that was let in."""
    return auth.entry_of(request).key


def job_of(request: HttpRequest, job_id: UUID) -> Job:
    """The key's job of that id, which the log of requests names from now on. Raises Http404."""
    mine = Job.objects.filter(api_key=key_of(request)).select_related("user")
    job = get_object_or_404(mine, pk=job_id)
    auth.entry_of(request).job = job
    return job


def with_problems(view: Callable[..., Any]) -> Callable[..., Any]:
    """A view whose 405 is a problem: ninja answers a wrong method with a line of text."""

    @csrf_exempt
    async def answered(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        run = view if iscoroutinefunction(view) else in_thread(view)
        response: HttpResponseBase = await run(request, **arguments)
        if response.status_code != 405:
            return response
        refused = problem(request, api_errors.wrong_method())
        refused["Allow"] = response["Allow"]
        return refused

    return answered


@csrf_exempt
async def nothing(request: HttpRequest) -> HttpResponse:
    """A problem, for every address that the API does not have."""
    return problem(request, api_errors.not_found())


def _refusal_of(error: Exception) -> ApiError:
    match error:
        case ValidationError():
            return _invalid(error)
        case AuthenticationError():
            return ApiError(401, "unauthorized", _("There is no such key, or it works no more."))
        case HttpError():
            return ApiError(error.status_code, "malformed", _("The body is no valid JSON."))
    return api_errors.from_exception(error)


def _invalid(error: ValidationError) -> ApiError:
    """The fields that are wrong, by their names, with what pydantic says of each."""
    errors = {}
    for each in error.errors:
        place = [str(part) for part in each["loc"] if part not in {"body", "wish", "query"}]
        errors[".".join(place) or "body"] = str(each["msg"])
    return ApiError(422, "invalid", "; ".join(map(": ".join, errors.items())), errors=errors)
