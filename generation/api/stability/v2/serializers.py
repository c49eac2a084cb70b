"""Responses of Stability's v2beta: one image as a file or as JSON."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from generation.api import files, results
from generation.images import file_formats
from generation.models import Job


def image(request: HttpRequest, job: Job, *, format: str) -> HttpResponse:
    """The job's image, by the request's Accept header. Raises ApiError if there is none."""
    found = results.images_of(job)[0]
    content = file_formats.content_of(found, format=format)
    if "json" in request.headers.get("Accept", ""):
        body = {"image": files.base64_of(content), "finish_reason": "SUCCESS", "seed": found.seed}
        return JsonResponse(body)
    response = HttpResponse(content, content_type=file_formats.FORMATS[format])
    response["finish-reason"] = "SUCCESS"
    response["seed"] = str(found.seed)
    return response
