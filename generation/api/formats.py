"""API formats by the start of their paths, for errors outside of their views."""

from collections.abc import Callable, Mapping

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from generation.api.automatic1111.errors import api_format as automatic1111
from generation.api.mcp.errors import api_format as mcp
from generation.api.native.errors import problem
from generation.api.openai.errors import api_format as openai
from generation.api.stability.v1.errors import api_format as stability_v1
from generation.api.stability.v2.errors import api_format as stability_v2

Respond = Callable[[HttpRequest, Exception], HttpResponseBase]

# Each API format adds the start of its paths; the first that fits counts. No other paths may begin with one.
FORMATS: Mapping[str, Respond] = {
    "/api/": problem,
    "/v2beta/": stability_v2.respond_to,
    "/v1/generation/": stability_v1.respond_to,
    "/v1/engines/": stability_v1.respond_to,
    "/v1/user/": stability_v1.respond_to,
    "/v1/": openai.respond_to,
    "/sdapi/": automatic1111.respond_to,
    "/internal/": automatic1111.respond_to,
    "/controlnet/": automatic1111.respond_to,
    "/mcp": mcp.respond_to,
}


def of_path(path: str) -> Respond | None:
    """The function that turns exceptions into the format's errors; None for pages."""
    return next((respond for start, respond in FORMATS.items() if path.startswith(start)), None)
