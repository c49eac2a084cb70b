"""Prometheus metrics of HTTP requests, by view name and never by URL."""

import time
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from prometheus_client import Counter, Histogram

# A client may invent methods: they must not create series.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Static files and unknown URLs.
NO_VIEW = "none"

REQUESTS = Counter(
    "sdsite_http_requests", "Requests that were answered.", ["view", "method", "status"]
)
SECONDS = Histogram(
    "sdsite_http_request_seconds",
    "Time until the answer began.",
    ["view"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)

Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def count_requests(get_response: Sync | Async) -> Sync | Async:
    """Counts and times requests. Runs first, so that it sees the responses of other middlewares."""
    if iscoroutinefunction(get_response):

        async def count_async(request: HttpRequest) -> HttpResponseBase:
            began = time.perf_counter()
            response: HttpResponseBase = await get_response(request)
            _note(request, response, began=began)
            return response

        return count_async

    def count(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = get_response(request)
        assert isinstance(response, HttpResponseBase), "it is synchronous"
        _note(request, response, began=began)
        return response

    return count


def _note(request: HttpRequest, response: HttpResponseBase, *, began: float) -> None:
    view = request.resolver_match.view_name if request.resolver_match else ""
    method = request.method if request.method in METHODS else "other"
    REQUESTS.labels(view or NO_VIEW, method, str(response.status_code)).inc()
    SECONDS.labels(view or NO_VIEW).observe(time.perf_counter() - began)
