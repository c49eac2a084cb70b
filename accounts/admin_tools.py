"""Admin base classes: fast lists, read-only rows, links between rows, operator alerts."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path, quote
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.models import User

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Model]
    TabularInline = admin.TabularInline[Model, Model]
    AnyPaginator = Paginator[Model]
else:
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline
    AnyPaginator = Paginator

# Lists count up to this many rows; beyond it, search or filter.
COUNTED = 1_000
# A search by the start of an email address finds at most this many users.
PEOPLE = 50


class Urgency(StrEnum):
    """Levels of an operator alert, named like Django's message levels for their colors."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def is_urgent(self) -> bool:
        return self != Urgency.INFO


@dataclass(frozen=True, kw_only=True)
class Concern:
    """An operator alert, with a link to the page that shows its cause."""

    urgency: Urgency
    text: str
    url: str = ""


class CappedPaginator(AnyPaginator):
    """Pages of the first COUNTED rows, so that no list counts a whole table."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Model] = self.object_list  # type: ignore[assignment]  # the admin has no other
        return rows[:COUNTED].count()

    @property
    def is_capped(self) -> bool:
        return self.count == COUNTED


class ListAdmin(ModelAdmin):
    """A list searched by exact values, and by the start of a user's email address.

    Each field is looked up in its index in turn; one OR over all would read the whole table.
    """

    show_full_result_count = False
    # Facets would count the whole table for each choice of a filter.
    show_facets = admin.ShowFacets.NEVER
    paginator = CappedPaginator
    list_per_page = 50
    # The lookup of the rows' user, and the fields that a search compares.
    person = "user"
    exact: tuple[str, ...] = ()
    # Fields that a URL may not filter by: prefix queries would reveal the whole value step by step.
    secret: tuple[str, ...] = ()
    search_help_text = _("The whole id, or the beginning of an e-mail address.")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        is_secret = lookup.partition("__")[0] in self.secret
        return not is_secret and super().lookup_allowed(lookup, value, request)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Django shows a search box if this is not empty."""
        return (*self.exact, self.person)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        for field in self.exact:
            if (value := _value(self.model, field, term)) is not None:
                found = queryset.filter(**{field: value})
                if found.exists():
                    return found, False
        return self.of_people(queryset, _people(term)), False

    def of_people(self, queryset: QuerySet[Model], ids: list[int]) -> QuerySet[Model]:
        return queryset.filter(**{f"{self.person}__in": ids})


class ReadOnlyAdmin(ListAdmin):
    """An admin of rows that other code writes: view only."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(TabularInline):
    """View-only rows on the page of the row that they belong to."""

    extra = 0
    can_delete = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields or ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def link(row: Model | None, text: object = None) -> SafeString | str:
    """A link to the row's admin page; empty for None."""
    if row is None:
        return ""
    url = reverse(
        f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[quote(row.pk)]
    )
    return format_html('<a href="{}">{}</a>', url, text or row)


def short(id: UUID) -> str:
    """The first characters of an id."""
    return id.hex[:8]


def list_url(model: type[Model], **query: object) -> str:
    """The URL of an admin list, filtered or searched (`q`)."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{url}?{urlencode(query)}" if query else url


def list_link(model: type[Model], text: object, **query: object) -> SafeString:
    return format_html('<a href="{}">{}</a>', list_url(model, **query), text)


def _people(term: str) -> list[int]:
    people = User.objects.filter(email__startswith=term.lower()).order_by("email")
    return list(people.values_list("pk", flat=True)[:PEOPLE])


def _value(model: type[Model], path: str, term: str) -> object:
    """The term as a value of the field; None if it is not a valid one."""
    field = get_fields_from_path(model, path)[-1]
    try:
        return field.clean(term, None)
    except ValidationError:
        return None
