"""Compression of text responses."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

# Images are compressed already.
COMPRESSIBLE = ("text/", "application/json", "application/xml", "image/svg+xml")


class CompressionMiddleware(GZipMiddleware):
    """Compresses complete text responses.

    It leaves streams alone, because it would hold chunks back, and ranges, which count uncompressed bytes.
    """

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        if not _is_whole_text(response):
            return response
        return super().process_response(request, response)


def _is_whole_text(response: HttpResponseBase) -> bool:
    kind = response.get("Content-Type", "")
    return response.status_code != 206 and not response.streaming and kind.startswith(COMPRESSIBLE)
