"""What an operator can look up about jobs and pictures; only `jobs` writes them."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from billing.admin import ReadOnlyAdmin
from generation import safety
from generation.models import Image, Job, Refusal, Speed, Transition

if TYPE_CHECKING:
    TabularInline = admin.TabularInline[Transition, Job]
else:
    TabularInline = admin.TabularInline


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


@admin.register(Refusal)
class RefusalAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "user", "stage", "category", "prompt", "job")
    list_filter = ("stage", "category", "created_at")
    list_select_related = ("user", "job")
    ordering = ("-created_at", "-id")
    search_fields = ("user__email", "=job__id")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if fault := safety.checker_fault():
            note = (
                _("No job is taken, because pictures cannot be checked: %(fault)s")
                if settings.WITHOUT_SAFETY_CHECKER == safety.REFUSE
                else _("Pictures are shown without a safety check: %(fault)s")
            )
            self.message_user(request, note % {"fault": fault}, messages.WARNING)
        return super().changelist_view(request, extra_context)


@admin.register(Speed)
class SpeedAdmin(ReadOnlyAdmin):
    list_display = (
        "checkpoint",
        "device",
        "ms_per_step_megapixel",
        "overhead_ms",
        "samples",
        "updated_at",
    )
