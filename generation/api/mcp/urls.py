"""MCP's single path."""

from django.urls import re_path

from generation.api.mcp import views
from generation.api.mcp.errors import api_format

urlpatterns = [
    re_path("^mcp/?$", views.mcp, name="mcp"),
    re_path("^mcp/", api_format.not_found(), name="mcp_nothing"),
]
