"""The admin site, with a start page of alerts, and the queue."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from django.utils.translation import gettext_lazy as _

from billing import alerts as money
from generation.operations import alerts as work
from generation.operations import queue_views


class OperatorsSite(admin.AdminSite):
    site_header = _("Operators")
    site_title = _("Operators")
    index_title = _("Overview")

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirects to the normal sign-in page and its rate limits."""
        login: HttpResponse = secure_admin_login(super().login)(request, extra_context)
        return login

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        concerns = [*work.concerns(), *money.concerns()]
        is_calm = not any(concern.urgency.is_urgent for concern in concerns)
        context = {**(extra_context or {}), "concerns": concerns, "is_calm": is_calm}
        return super().index(request, context)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        queue = path("queue/", self.admin_view(queue_views.queue), name="queue")
        return [queue, *super().get_urls()]
