"""Error page for server errors."""

import sys

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults

from generation.api import errors
from generation.images import uploads

RETRY_SECONDS = 5


def server_error(request: HttpRequest) -> HttpResponse:
    """503 for temporary errors, else 500. Django calls it while it handles the exception."""
    if not is_passing(sys.exc_info()[1]):
        return defaults.server_error(request)
    # Without the request: its context processors would query the server that is down.
    page = render_to_string("503.html")
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_SECONDS)})


def is_passing(error: BaseException | None) -> bool:
    """True if the request may succeed when it is sent again."""
    return isinstance(error, uploads.NotStored) or errors.is_transient(error)
