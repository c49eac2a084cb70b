"""Answers take a fraction of their bytes on the line."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

# Pictures are compressed already.
COMPRESSIBLE = ("text/", "application/json", "application/xml", "image/svg+xml")


class CompressionMiddleware(GZipMiddleware):
    """Compresses whole texts.

    What is sent piece by piece it would hold back until enough has come together, and a part of a file is
    counted in the file's own bytes.
    """

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        if not _is_whole_text(response):
            return response
        return super().process_response(request, response)


def _is_whole_text(response: HttpResponseBase) -> bool:
    kind = response.get("Content-Type", "")
    return response.status_code != 206 and not response.streaming and kind.startswith(COMPRESSIBLE)
