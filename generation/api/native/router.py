"""The native API as a NinjaAPI: its document, its body parser and its exception handlers."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.parser import Parser

from generation.api.native.errors import PROBLEM_JSON, problem
from generation.api.native.views import account, events, images, jobs
from generation.engine import strict_json

# Groups of operations: generated clients make a module or class of each.
TAGS = {
    "checkpoints": "The models of this site.",
    "jobs": "Quotes, jobs and their receipts.",
    "pictures": "Finished pictures, and uploads to start from.",
    "account": "Balance and usage.",
}


class Body(Parser):
    """Reads JSON bodies as large as an image, which Django's own limit forbids.

    The size is checked with the key, texts and numbers by the schema, which names their field.
    """

    def parse_body(self, request: HttpRequest) -> Any:
        return strict_json.loads(request.read(), is_stored=False, is_finite=False)


class Api(NinjaAPI):
    """Documents errors as problem+json and gives operations stable ids."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The view's name, wherever its module is: generated clients name their methods by it."""
        return operation.view_func.__name__

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    if int(status) >= 400:
                        content = response["content"]["application/json"]
                        response["content"] = {PROBLEM_JSON: content}
        schema["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
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
# ninja's own handlers for these four would take precedence over that for Exception.
for kind in (Exception, ValidationError, HttpError, AuthenticationError, Http404):
    api.exception_handler(kind)(problem)
# The order in the document.
for part in (jobs, events, images, account):
    api.add_router("", part.router)
