"""The API formats as guides name them: the developer page, and /llms.txt."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ApiFormatGuide:
    """A format by its name. `address` is what its clients are configured with, `path` begins its requests."""

    name: str
    address: str
    path: str
    clients: str


FORMATS: Mapping[str, ApiFormatGuide] = {
    guide.name: guide
    for guide in (
        ApiFormatGuide(
            name="Native",
            address="/api/v1",
            path="/api/v1",
            clients="new programs; described by an OpenAPI document",
        ),
        ApiFormatGuide(
            name="OpenAI",
            address="/v1",
            path="/v1/images/generations",
            clients="the openai packages, LiteLLM and most user interfaces",
        ),
        ApiFormatGuide(
            name="AUTOMATIC1111",
            address="",
            path="/sdapi/v1",
            clients="webuiapi, Open WebUI, SillyTavern and LibreChat",
        ),
        ApiFormatGuide(
            name="Stability",
            address="",
            path="/v2beta/stable-image",
            clients="LiteLLM and scripts",
        ),
        ApiFormatGuide(
            name="MCP",
            address="/mcp",
            path="/mcp",
            clients="agents such as Claude and Cursor, over streamable HTTP",
        ),
    )
}
