"""The SDK's server for MCP. Importing it takes seconds, so the view does at its first request."""

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    ToolAnnotations,
)
from mcp_types import Tool as ListedTool
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from generation.api import auth, delivery, errors
from generation.api.mcp import cancellation, parsing, schemas, serializers
from generation.api.mcp.asgi_bridge import REQUEST, Receive, Scope, Send
from generation.api.mcp.tools import TOOLS, Exchange, Tool

INSTRUCTIONS = (
    "Makes pictures with Stable Diffusion. Ask `quote` for the price before `generate`, `edit` or "
    "`upscale`, which spend the owner's credits or GPU time. A call that takes long returns a job: go on "
    "with `status`. Name earlier pictures by their ids."
)

Context = ServerRequestContext[Any, Any]


async def respond(scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI application that serves one request, and ends all that the SDK has begun for it."""
    manager = StreamableHTTPSessionManager(
        app=_server, stateless=True, max_request_body_size=auth.MAX_BYTES
    )
    async with manager.run():
        await manager.handle_request(scope, receive, send)


async def _list_tools(context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
    return ListToolsResult(tools=[_listed(name, tool) for name, tool in TOOLS.items()])


async def _call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
    exchange = _exchange(context)
    if (tool := TOOLS.get(params.name)) is None:
        raise MCPError(code=INVALID_PARAMS, message=f"There is no tool {params.name[:100]!r}.")
    try:
        _require_scope(exchange, tool)
        return await tool.run(exchange, tool.arguments.model_validate(params.arguments or {}))
    except Exception as exception:  # noqa: BLE001  # the model reads a tool's errors
        error = (
            parsing.invalid_arguments(exception)
            if isinstance(exception, ValidationError)
            else errors.from_exception(exception)
        )
        exchange.call.code = error.code
        return serializers.error(error)


def _require_scope(exchange: Exchange, tool: Tool) -> None:
    if not exchange.key.may(tool.scope):
        raise errors.forbidden_scope()


def _exchange(context: Context) -> Exchange:
    assert context.request is not None, "HTTP is the only transport"
    request: HttpRequest = context.request.scope[REQUEST]
    call = auth.call_of(request)
    name = cancellation.name_of(
        call.key, request.headers.get(cancellation.SESSION, ""), context.request_id
    )
    # From this revision on, closing the connection cancels a call. Before, it only stopped listening.
    is_modern = context.protocol_version in MODERN_PROTOCOL_VERSIONS
    return Exchange(
        call=call,
        report=context.session.report_progress,
        note_job=partial(cancellation.note, name),
        is_canceled=lambda: is_modern and delivery.has_left(request),
    )


def _listed(name: str, tool: Tool) -> ListedTool:
    return ListedTool(
        name=name,
        title=tool.title,
        description=tool.description,
        input_schema=schemas.json_schema(tool.arguments),
        annotations=ToolAnnotations(
            read_only_hint=not tool.spends and name != "cancel",
            destructive_hint=name == "cancel",
            open_world_hint=False,
        ),
    )


def _schema_of(name: str) -> dict[str, Any] | None:
    tool = TOOLS.get(name)
    return schemas.json_schema(tool.arguments) if tool else None


_server: Server[Any] = Server(
    settings.SITE_NAME,
    version="1",
    instructions=INSTRUCTIONS,
    website_url=settings.SITE_URL,
    get_tool_input_schema=_schema_of,
    on_list_tools=_list_tools,
    on_call_tool=_call_tool,
)
