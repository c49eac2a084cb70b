"""What an operator can look up about jobs and pictures; only `jobs` writes them."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from billing.admin import ReadOnlyAdmin
from generation import margins
from generation.models import Image, Job, Speed, Transition, Uptime

if TYPE_CHECKING:
    TabularInline = admin.TabularInline[Transition, Job]
else:
    TabularInline = admin.TabularInline


# What the margin's page offers to look back at.
MARGIN_DAYS = (7, 30, 90, 365)


class TransitionInline(TabularInline):
    model = Transition
    extra = 0
    can_delete = False
    fields = ("at", "was", "became", "attempt", "note")
    readonly_fields = fields


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "user",
        "status",
        "checkpoint",
        "attempt",
        "hold_ms",
        "charged_ms",
        "error_code",
        "worker",
        "created_at",
    )
    list_filter = ("status", "checkpoint", "error_code", "created_at")
    list_select_related = ("user",)
    ordering = ("-created_at",)
    search_fields = ("=id", "user__email")
    inlines = (TransitionInline,)


@admin.register(Image)
class ImageAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "job", "width", "height", "bytes", "created_at", "deleted_at")
    list_filter = ("created_at",)
    list_select_related = ("user", "job")
    ordering = ("-created_at",)
    search_fields = ("=id", "=job__id", "user__email")


@admin.register(Speed)
class SpeedAdmin(ReadOnlyAdmin):
    list_display = (
        "checkpoint",
        "mode",
        "device",
        "ms_per_step_megapixel",
        "overhead_ms",
        "typical_error",
        "samples",
        "updated_at",
    )

    @admin.display(description=_("typical error of quotes"))
    def typical_error(self, speed: Speed) -> str:
        return f"{speed.error:.0%}"


@admin.register(Uptime)
class MarginAdmin(ReadOnlyAdmin):
    """Not the rows, but what they are kept for: device time and revenue, side by side."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET.get("days", "")
        days = int(asked) if asked in map(str, MARGIN_DAYS) else MARGIN_DAYS[1]
        context = {
            **self.admin_site.each_context(request),
            "title": _("Margin"),
            "margin": margins.look(days=days),
            "choices": MARGIN_DAYS,
            "currency": settings.CURRENCY,
            "cost_is_known": bool(settings.DEVICE_HOUR_CENTS),
        }
        return render(request, "admin/generation/margin.html", context)
