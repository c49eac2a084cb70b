"""Refusal of text that cannot be stored: NULs, and halves of surrogate pairs.

JSON bodies and the forms of API formats are read later, and refused there: see `strict_json` and
`generation.api.parsing`.
"""

from collections.abc import Iterable, Iterator

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from django.views import defaults

from generation.api import errors, formats
from generation.api.formats import Respond
from generation.api.request_middleware import Async, Sync, changing
from generation.engine.storable_text import is_storable
from sdsite import request_bodies

# What clients see of a text that is not UTF-8, too. No name of ours has it, so nothing is found by it.
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# What Django raises for forms that it cannot read.
UNREADABLE = (BadRequest, MultiPartParserError, SuspiciousOperation)

_CUT_OFF = {408: errors.too_slow, 413: errors.too_large, 503: errors.unavailable}


def clean(request: HttpRequest) -> None:
    """Replace NULs in the path, and drop cookies that have one.

    Every view then answers 404 in its own way, and logs and the call log can hold the path.
    """
    if "\0" in request.path:
        request.path = request.path.replace("\0", REPLACEMENT)
        request.path_info = request.path_info.replace("\0", REPLACEMENT)
        request.META["PATH_INFO"] = request.path_info
    # A quoted cookie may spell any character: "\\000".
    request.COOKIES = {name: value for name, value in request.COOKIES.items() if is_storable(value)}


# Must run before anything reads the path or the cookies.
clean_address = changing(clean)


@sync_and_async_middleware
def refuse_unfit_fields(get_response: Sync | Async) -> Sync | Async:
    """400 for fields that cannot be stored or read, in the shape of the path's API format.

    Must be the last middleware, so that a refusal has the headers of every other response.
    """
    if iscoroutinefunction(get_response):

        async def refuse_async(request: HttpRequest) -> HttpResponseBase:
            refused = await _refusal_of(request)
            return refused or await get_response(request)

        return refuse_async

    def refuse(request: HttpRequest) -> HttpResponseBase:
        response = _refusal(request) or get_response(request)
        assert isinstance(response, HttpResponseBase), "it is synchronous"
        return response

    return refuse


async def _refusal_of(request: HttpRequest) -> HttpResponseBase | None:
    if request.method != "POST":
        return _refusal(request)
    # A form's files are written to disk, which the event loop must not wait for.
    return await sync_to_async(_refusal)(request)


def _refusal(request: HttpRequest) -> HttpResponseBase | None:
    """The response to unfit fields; None if all are fit."""
    respond = formats.of_path(request.path)
    if status := request_bodies.cut_off(request):
        return _cut_off(request, respond, status)
    try:
        _require_storable(_texts_in(request, is_page=respond is None))
    except UNREADABLE as error:
        return (respond or defaults.bad_request)(request, error)
    return None


def _cut_off(request: HttpRequest, respond: Respond | None, status: int) -> HttpResponseBase:
    if respond is not None:
        return respond(request, _CUT_OFF[status]())
    response = defaults.bad_request(request, RequestDataTooBig())
    response.status_code = status
    return response


def _require_storable(texts: Iterable[str]) -> None:
    if not all(map(is_storable, texts)):
        raise BadRequest("text that cannot be stored")


def _texts_in(request: HttpRequest, *, is_page: bool) -> Iterator[str]:
    """Yield names and values of the query, and of a page's form.

    An API format reads its forms itself: some clients send JSON under a form's content type.
    """
    for fields in (request.GET, request.POST) if is_page else (request.GET,):
        for name, values in fields.lists():
            yield name
            yield from values
