"""The site's own API, /api/v1: jobs and pictures as they are."""

from typing import cast

from django.urls import URLPattern, re_path

from generation.api.native import account, events, images, jobs
from generation.api.native.auth import api, nothing, with_problems

# The document has them in this order.
for part in (jobs, events, images, account):
    api.add_router("", part.router)


def urls() -> list[URLPattern]:
    """The API's addresses, and a problem for every other below them, and for every other method."""
    patterns = cast("list[URLPattern]", api.urls[0])
    for pattern in patterns:
        if pattern.name == "api-root":
            pattern.callback = nothing
        elif pattern.name not in {"openapi-json", "openapi-view"}:
            pattern.callback = with_problems(pattern.callback)
    return [*patterns, re_path("", nothing, name="nothing")]
