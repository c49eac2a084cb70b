"""The page for a request that went wrong on our side."""

import sys

import redis
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults

# A server is restarting, or busier than the time limits allow: trying again helps.
PASSING = (InterfaceError, OperationalError, redis.ConnectionError, redis.TimeoutError)
RETRY_SECONDS = 5


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls it while it handles the exception: 503 for what passes, else 500."""
    if not isinstance(sys.exc_info()[1], PASSING):
        return defaults.server_error(request)
    # Without the request: whose context would ask the server that is missing.
    page = render_to_string("503.html")
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_SECONDS)})
