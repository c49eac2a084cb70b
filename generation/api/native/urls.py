"""Paths of the native API, under /api/v1."""

from typing import cast

from django.urls import URLPattern, include, path, re_path

from generation.api.native.errors import not_found, with_problems
from generation.api.native.router import api


def _patterns() -> list[URLPattern]:
    """The paths of all operations and of the document; any other path is a problem."""
    patterns = cast("list[URLPattern]", api.urls[0])
    for pattern in patterns:
        if pattern.name == "api-root":
            pattern.callback = not_found
        elif pattern.name not in {"openapi-json", "openapi-view"}:
            pattern.callback = with_problems(pattern.callback)
    return [*patterns, re_path("", not_found, name="nothing")]


urlpatterns = [path("api/v1/", include((_patterns(), "api"), namespace="api"))]
