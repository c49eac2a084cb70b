"""Webhook events, and their processing again."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import bells
from accounts.admin_tools import ReadOnlyAdmin
from billing.models import StripeEvent


class StateFilter(admin.SimpleListFilter):
    """Filters by the state of processing. Unprocessed events have an index of their own."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("waiting", _("Waiting")),
            ("failed", _("Failed, and tried again")),
            ("given_up", _("Given up")),
            ("processed", _("Processed")),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[StripeEvent]
    ) -> QuerySet[StripeEvent]:
        waiting = queryset.filter(processed_at=None)
        match self.value():
            case "waiting":
                return waiting
            case "failed":
                return waiting.filter(attempts__gt=0, attempts__lt=StripeEvent.MAX_ATTEMPTS)
            case "given_up":
                return waiting.filter(attempts__gte=StripeEvent.MAX_ATTEMPTS)
            case "processed":
                return queryset.exclude(processed_at=None)
        return queryset


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    exact = ("id", "type")
    search_help_text = _("The whole id, or the whole type.")
    list_display = ("id", "type", "received_at", "processed_at", "attempts", "error")
    list_filter = (StateFilter, "received_at")
    ordering = ("-received_at",)
    actions = ("process_again",)

    def of_people(self, queryset: QuerySet[Model], ids: list[int]) -> QuerySet[Model]:
        return queryset.none()

    def has_process_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.change_stripeevent")

    @admin.action(description=_("Process again"), permissions=["process"])
    def process_again(self, request: HttpRequest, queryset: QuerySet[StripeEvent]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        queryset.update(processed_at=None, attempts=0, retry_at=None)
        for event_id in ids:
            bells.ring("billing.process_event", event_id)
        self.message_user(
            request, _("Events to be processed again: %(count)d") % {"count": len(ids)}
        )
