"""OpenAI's response bodies: models and images."""

import time
from collections.abc import Sequence
from typing import Any

from django.http import JsonResponse

from generation.api import files, results
from generation.api.links import absolute
from generation.api.openai.parsing import ResponseFormat
from generation.images import file_formats
from generation.models import Image, Job

# Images have no tokens here, but some clients require the counts.
USAGE = {
    "input_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "output_tokens": 0,
    "total_tokens": 0,
}


def model(id: str) -> dict[str, Any]:
    return {"id": id, "object": "model", "created": 0, "owned_by": "us"}


def images(jobs: Sequence[Job], response_format: ResponseFormat) -> JsonResponse:
    """The images of one request's jobs. Raises ApiError if there are none."""
    found = results.images_of(*jobs)
    body = {
        "created": int(time.time()),
        "data": [_image(each, response_format) for each in found],
        **properties(jobs[0], response_format),
        "usage": USAGE,
    }
    response = JsonResponse(body)
    response["X-Job-Id"] = ", ".join(str(job.pk) for job in jobs)
    return response


def properties(job: Job, response_format: ResponseFormat) -> dict[str, Any]:
    """Fields that responses and stream events share."""
    request = job.generation_request
    return {
        "background": "opaque",
        "output_format": response_format.format,
        "quality": "high",
        "size": f"{request.width}x{request.height}",
    }


def _image(image: Image, response_format: ResponseFormat) -> dict[str, Any]:
    format, quality = response_format.format, response_format.quality
    shown: dict[str, Any] = {}
    if response_format.has_content:
        content = file_formats.content_of(image, format=format, quality=quality)
        shown["b64_json"] = files.base64_of(content)
    if response_format.is_linked:
        shown["url"] = absolute(file_formats.url_of(image, format=format, quality=quality))
    return shown
