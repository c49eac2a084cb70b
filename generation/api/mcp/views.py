"""MCP's endpoint: one path for all messages, served by the official SDK without sessions of its own.

Keys, limits, logs and headers are those of every API format. The SDK starts anew with each request, so
it needs no lifespan, and any web process may answer.
"""

import secrets
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from generation.api import auth, cross_origin
from generation.api.errors import ApiError
from generation.api.mcp import asgi_bridge, cancellation, parsing
from generation.api.mcp.asgi_bridge import App
from generation.api.mcp.cancellation import SESSION
from generation.api.mcp.errors import api_format
from generation.api.threads import in_thread


@api_format.endpoint("POST", scope=None)
async def mcp(request: HttpRequest) -> HttpResponseBase:
    _require_own_origin(request)
    content, message = await in_thread(parsing.message_in)(request)
    method = message.get("method")
    if method == "notifications/cancelled":
        await in_thread(_cancel)(request, message.get("params"))
    response = await asgi_bridge.respond(request, content, await in_thread(_sdk)())
    if method == "initialize":
        # Only a name for the client's requests, by which it can cancel them: nothing is kept under it.
        response[SESSION] = secrets.token_urlsafe(24)
    return response


def _cancel(request: HttpRequest, params: Any) -> None:
    if isinstance(params, dict):
        key, session = auth.call_of(request).key, request.headers.get(SESSION, "")
        cancellation.cancel(cancellation.name_of(key, session, params.get("requestId")))


def _require_own_origin(request: HttpRequest) -> None:
    """Refuse pages of other sites, so that DNS rebinding leads nowhere. Programs send no Origin."""
    origin = request.headers.get("Origin")
    if origin is None or cross_origin.is_allowed(origin):
        return
    try:
        host, _port = split_domain_port(urlsplit(origin).netloc.lower())
    except ValueError:
        host = ""
    if not host or not validate_host(host, settings.ALLOWED_HOSTS):
        raise ApiError(403, "foreign_origin", _("Pages of other sites may not call this address."))


def _sdk() -> App:
    from generation.api.mcp import server  # noqa: PLC0415  # slow import: the SDK

    return server.respond
