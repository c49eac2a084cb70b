"""WhiteNoise for an asynchronous server."""

from contextlib import closing
from io import BytesIO

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile
from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # it has no types
    """Names each file by its content, in the imports of scripts, too."""

    # A module under two names would run twice.
    support_js_module_import_aggregation = True


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # it has no types
    """Sends static files whole. WhiteNoise streams them by an iterator, which an asynchronous server runs in
    a thread chunk by chunk; ours are small.
    """

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        found = static_file.get_response(request.method, request.META)
        with closing(found.file or BytesIO()) as file:
            response = HttpResponse(file.read(), status=int(found.status))
        # WhiteNoise sets it, and a 304 has none.
        del response["Content-Type"]
        for name, value in found.headers:
            response[name] = value
        return response
