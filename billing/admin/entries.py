"""Grants, holds and entries of wallets, read-only."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.admin_tools import ReadOnlyAdmin, link, list_link
from billing.admin.wallets import NAMES
from billing.models import Entry, Grant, Hold, Unit, Wallet
from billing.templatetags.amounts import exact_amount


class WalletAmountsAdmin(ReadOnlyAdmin):
    """Rows of a wallet; the search finds them by the wallet's owner."""

    person = "wallet__user"
    exact: tuple[str, ...] = ("reference",)
    list_select_related: ClassVar[tuple[str, ...]] = ("wallet__user",)

    def of_people(self, queryset: QuerySet[Model], ids: list[int]) -> QuerySet[Model]:
        # No join: the index of these tables begins with the wallet.
        wallets = list(Wallet.objects.filter(user__in=ids).values_list("pk", flat=True))
        return queryset.filter(wallet__in=wallets)

    @admin.display(description=_("owner"))
    def owner(self, row: Any) -> str:
        return link(row.wallet.user)

    @admin.display(description=_("wallet"))
    def of_wallet(self, row: Any) -> str:
        return link(row.wallet, str(NAMES[Unit(row.wallet.unit)]))

    @admin.display(description=_("amount"), ordering="amount")
    def whole(self, row: Any) -> str:
        return exact_amount(row.amount, row.wallet.unit)


@admin.register(Grant)
class GrantAdmin(WalletAmountsAdmin):
    list_display = (
        "id",
        "owner",
        "of_wallet",
        "source",
        "whole",
        "left",
        "expires_at",
        "reference",
        "created_at",
        "entries",
    )
    list_filter = ("source", "created_at")

    @admin.display(description=_("remaining"), ordering="remaining")
    def left(self, grant: Grant) -> str:
        return exact_amount(grant.remaining, grant.wallet.unit)

    @admin.display(description=_("entries"))
    def entries(self, grant: Grant) -> str:
        return list_link(Entry, _("entries"), grant__id__exact=grant.pk)


@admin.register(Hold)
class HoldAdmin(WalletAmountsAdmin):
    list_display = (
        "id",
        "owner",
        "of_wallet",
        "whole",
        "spent",
        "status",
        "reference",
        "created_at",
        "settled_at",
        "entries",
    )
    list_filter = ("status", "created_at")

    @admin.display(description=_("captured"), ordering="captured")
    def spent(self, hold: Hold) -> str:
        return "" if hold.captured is None else exact_amount(hold.captured, hold.wallet.unit)

    @admin.display(description=_("entries"))
    def entries(self, hold: Hold) -> str:
        return list_link(Entry, _("entries"), hold__id__exact=hold.pk)


@admin.register(Entry)
class EntryAdmin(WalletAmountsAdmin):
    exact = ("reference", "hold__reference")
    list_display = (
        "id",
        "owner",
        "of_wallet",
        "kind",
        "whole",
        "of_grant",
        "of_hold",
        "note",
        "created_at",
    )
    list_filter = ("kind", "created_at")
    list_select_related = ("wallet__user", "grant", "hold")
    ordering = ("-id",)

    @admin.display(description=_("grant"))
    def of_grant(self, entry: Entry) -> str:
        return link(entry.grant, entry.grant.reference)

    @admin.display(description=_("hold"))
    def of_hold(self, entry: Entry) -> str:
        return link(entry.hold, entry.hold.reference) if entry.hold else ""
