"""Admin pages of API keys: read-only, apart from revoking them."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import keys
from accounts.admin_tools import ReadOnlyAdmin, link, list_link
from accounts.models import ApiKey, Scope, Window
from generation import emails
from generation.jobs import budgets
from generation.models import Job


class StateFilter(admin.SimpleListFilter):
    """A filter by validity."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("live", _("Valid")), ("expired", _("Expired")), ("revoked", _("Revoked"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        match self.value():
            case "live":
                return queryset.filter(pk__in=ApiKey.objects.live())
            case "expired":
                return queryset.filter(expires_at__lte=timezone.now(), revoked_at=None)
            case "revoked":
                return queryset.exclude(revoked_at=None)
        return queryset


class ApiKeyAdmin(ReadOnlyAdmin):
    """Never shows a key's digest or its webhook secret."""

    exact = ("id", "prefix", "name")
    secret = ("digest", "webhook_secret")
    search_help_text = _(
        "The whole name, what the key begins with, or the beginning of an e-mail address."
    )
    list_display = (
        "prefix",
        "name",
        "owner",
        "may",
        "allowance",
        "spent",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    list_filter = (StateFilter, "created_at")
    list_select_related = ("user",)
    ordering = ("-created_at",)
    actions = ("revoke",)
    fields = (
        "name",
        "prefix",
        "owner",
        "may",
        "pays_in",
        "allowance",
        "spent",
        "checkpoints",
        "max_pixels",
        "default_checkpoint",
        "origins",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
        "related",
    )
    readonly_fields = fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        """Accept a pasted prefix with the dots that pages show after it."""
        return super().get_search_results(request, queryset, search_term.rstrip(" .…"))

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        changelist.result_list = budgets.with_spent(changelist.result_list)
        return changelist

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_apikey")

    @admin.display(description=_("owner"))
    def owner(self, key: ApiKey) -> str:
        return link(key.user)

    @admin.display(description=_("scopes"))
    def may(self, key: ApiKey) -> str:
        return ", ".join(str(Scope(scope).label) for scope in key.scopes)

    @admin.display(description=_("budget"))
    def allowance(self, key: ApiKey) -> str:
        if key.budget is None:
            return ""
        return f"{emails.amount(key.budget, key=key)} {Window(key.window).label}"

    @admin.display(description=_("spent"))
    def spent(self, key: ApiKey) -> str:
        """Spending in the present window. The list has looked it up for all its rows already."""
        known = getattr(key, "spent", None)
        return emails.amount(budgets.spent(key) if known is None else known, key=key)

    @admin.display(description=_("belonging to it"))
    def related(self, key: ApiKey) -> SafeString:
        links = ((list_link(Job, _("jobs"), api_key__id__exact=key.pk),),)
        return format_html_join(" · ", "{}", links)

    @admin.action(description=_("Revoke"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        live = list(queryset.filter(revoked_at=None))
        for key in live:
            keys.revoke(key)
            self.log_change(request, key, "revoked")
        text = ngettext("%(count)d key was revoked.", "%(count)d keys were revoked.", len(live))
        self.message_user(request, text % {"count": len(live)})
