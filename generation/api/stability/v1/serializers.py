"""Responses of Stability's v1: artifacts as JSON, or the first image as a PNG."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse, JsonResponse

from generation.api import files, results
from generation.images import file_formats
from generation.models import Image, Job


def images(request: HttpRequest, jobs: Sequence[Job]) -> HttpResponse:
    """The images of one request's jobs, by its Accept header. Raises ApiError if there are none."""
    found = results.images_of(*jobs)
    if request.headers.get("Accept", "").startswith("image/"):
        return _file(found[0])
    artifacts = [
        {
            "base64": files.base64_of(file_formats.content_of(image)),
            "finishReason": "SUCCESS",
            "seed": image.seed,
        }
        for image in found
    ]
    return JsonResponse({"artifacts": artifacts})


def _file(image: Image) -> HttpResponse:
    response = HttpResponse(file_formats.content_of(image), content_type="image/png")
    response["Finish-Reason"] = "SUCCESS"
    response["Seed"] = str(image.seed)
    return response
