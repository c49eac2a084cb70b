"""Admin pages of jobs, pictures, refusals, speeds and the margin, all read-only."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.admin_tools import ReadOnlyAdmin, ReadOnlyInline, link, list_link, short
from accounts.models import ApiKey
from billing.models import Hold
from billing.templatetags.amounts import exact_amount
from generation import moderation
from generation.engine.checkpoints.catalogue import CHECKPOINTS
from generation.models import Image, Job, Refusal, Speed, Transition, Uptime
from generation.operations import margins
from generation.operations.key_admin import ApiKeyAdmin

# The periods that the margin's page offers, in days.
MARGIN_DAYS = (7, 30, 90, 365)

# Here and not in accounts, because only this app knows the spending of keys.
admin.site.register(ApiKey, ApiKeyAdmin)


class TransitionInline(ReadOnlyInline):
    model = Transition
    fields = ("at", "was", "became", "attempt", "note")


class ImageInline(ReadOnlyInline):
    model = Image
    fields = ("index", "seed", "width", "height", "bytes", "created_at", "deleted_at")
    show_change_link = True


class CheckpointFilter(admin.SimpleListFilter):
    """A filter by the catalogue's checkpoints. A distinct query would read the whole table."""

    title = _("checkpoint")
    parameter_name = "checkpoint"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each.id, each.name) for each in CHECKPOINTS.values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(checkpoint=self.value()) if self.value() else queryset


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    exact = ("id",)
    list_display = (
        "short_id",
        "owner",
        "status",
        "checkpoint",
        "attempt",
        "charged",
        "error_code",
        "worker",
        "created_at",
        "related",
    )
    list_filter = ("status", CheckpointFilter, "created_at")
    list_select_related = ("user",)
    ordering = ("-created_at",)
    inlines = (TransitionInline, ImageInline)

    @admin.display(description=_("id"), ordering="id")
    def short_id(self, job: Job) -> str:
        return short(job.pk)

    @admin.display(description=_("owner"))
    def owner(self, job: Job) -> str:
        return link(job.user)

    @admin.display(description=_("charged"))
    def charged(self, job: Job) -> str:
        return "" if job.charged is None else exact_amount(job.charged, job.unit)

    @admin.display(description=_("belonging to it"))
    def related(self, job: Job) -> SafeString:
        links = (
            (list_link(Image, _("pictures"), job__id__exact=job.pk),),
            (list_link(Hold, _("hold"), q=job.hold_reference),),
        )
        return format_html_join(" · ", "{}", links)


@admin.register(Image)
class ImageAdmin(ReadOnlyAdmin):
    exact = ("id", "job__id")
    list_display = (
        "short_id",
        "owner",
        "of_job",
        "width",
        "height",
        "bytes",
        "created_at",
        "deleted_at",
    )
    list_filter = ("created_at",)
    list_select_related = ("user", "job")
    ordering = ("-created_at",)

    @admin.display(description=_("id"), ordering="id")
    def short_id(self, image: Image) -> str:
        return short(image.pk)

    @admin.display(description=_("owner"))
    def owner(self, image: Image) -> str:
        return link(image.user)

    @admin.display(description=_("job"))
    def of_job(self, image: Image) -> str:
        return link(image.job, short(image.job_id))


@admin.register(Refusal)
class RefusalAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "user", "stage", "category", "prompt", "job")
    list_filter = ("stage",)
    exact = ("job__id",)
    list_select_related = ("user", "job")
    ordering = ("-created_at", "-id")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if fault := moderation.checker_fault():
            note = (
                _("No job is taken, because pictures cannot be checked: %(fault)s")
                if settings.WITHOUT_SAFETY_CHECKER == moderation.REFUSE
                else _("Pictures are shown without a safety check: %(fault)s")
            )
            self.message_user(request, note % {"fault": fault}, messages.WARNING)
        return super().changelist_view(request, extra_context)


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

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ()


@admin.register(Uptime)
class MarginAdmin(ReadOnlyAdmin):
    """The margin's page in place of a list: device time beside revenue."""

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
