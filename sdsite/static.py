"""Static files in an asynchronous server."""

from contextlib import closing
from io import BytesIO

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # it has no types
    """WhiteNoise streams each file through an iterator that an asynchronous server has to run in a
    thread, piece by piece. Ours are small: they are sent whole.
    """

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        found = static_file.get_response(request.method, request.META)
        with closing(found.file or BytesIO()) as file:
            response = HttpResponse(file.read(), status=int(found.status))
        # WhiteNoise knows better, and an answer of 304 has none.
        del response["Content-Type"]
        for name, value in found.headers:
            response[name] = value
        return response
