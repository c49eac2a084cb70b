"""WhiteNoise for an asynchronous server."""

from contextlib import closing
from io import BytesIO

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile


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
