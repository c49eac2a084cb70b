"""Paths of all API formats. A new format adds its own here and to formats.FORMATS."""

from django.urls import include, path

urlpatterns = [
    path("", include("generation.api.native.urls")),
    path("", include("generation.api.automatic1111.urls")),
    path("", include("generation.api.stability.urls")),
    path("", include("generation.api.mcp.urls")),
    # Last: it answers every other path under /v1, which it shares with Stability's.
    path("", include("generation.api.openai.urls")),
]
