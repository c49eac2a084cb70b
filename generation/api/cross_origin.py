"""CORS: other websites' pages may call the API, with a key in a header and never with a cookie.

Preflights carry no key, so they are answered for all of CORS_ORIGINS. A key that allows fewer origins refuses the
request itself: see `require_origin`.
"""

import re
from urllib.parse import SplitResult

from corsheaders.middleware import ACCESS_CONTROL_ALLOW_HEADERS, CorsMiddleware
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from accounts.models import ApiKey
from generation.api.errors import ApiError

# The API formats, and the links to pictures in their responses.
_SHARED = re.compile(
    r"/(?:api/v1|v1|v2beta|sdapi|internal|controlnet)/|/mcp/?$|/images/[0-9a-f-]{36}/(?:file|thumbnail)\."
)
ANY = "*"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class CrossOriginMiddleware(CorsMiddleware):
    """Does nothing until CORS_ORIGINS names an origin. Must run before any redirect to HTTPS."""

    def is_enabled(self, request: HttpRequest) -> bool:
        return bool(settings.CORS_ORIGINS) and _SHARED.match(request.path_info) is not None

    def origin_found_in_white_lists(self, origin: str, url: SplitResult) -> bool:
        return is_allowed(origin)

    def check_preflight(self, request: HttpRequest) -> HttpResponseBase | None:
        response = super().check_preflight(request)
        if response is not None:
            response.status_code = 204
        return response

    def add_response_headers(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        super().add_response_headers(request, response)
        wanted = request.headers.get("Access-Control-Request-Headers")
        if wanted and ACCESS_CONTROL_ALLOW_HEADERS in response.headers:
            # SDKs send headers of their own, more with each release. None of them opens anything.
            response[ACCESS_CONTROL_ALLOW_HEADERS] = wanted
        return response


def without_default_port(origin: str) -> str:
    """The origin as browsers send it."""
    return origin.removesuffix(_DEFAULT_PORTS.get(origin.partition("://")[0], ""))


def is_allowed(origin: str) -> bool:
    """True for the origins whose pages may call the API."""
    return ANY in settings.CORS_ORIGINS or origin.lower() in settings.CORS_ORIGINS


def require_origin(request: HttpRequest, key: ApiKey) -> None:
    """Refuse a page that the key's owner did not allow; programs send no origin. Raises ApiError."""
    origin = request.headers.get("Origin", "").lower()
    # The site's own pages, such as the reference where calls are tried.
    own = f"{request.scheme}://{request.get_host()}".lower()
    if origin and key.origins and origin not in {own, *map(without_default_port, key.origins)}:
        raise ApiError(403, "origin_not_allowed", _("Pages of this website may not use this key."))
