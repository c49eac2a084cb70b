"""Wallets, grants, holds and entries. They are read-only but for adjustments."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.admin_tools import ReadOnlyAdmin, link, list_link
from billing import ledger
from billing.admin.adjustments import AdjustmentForm
from billing.models import Entry, Grant, Hold, Unit, Wallet
from billing.templatetags.amounts import amount, exact_amount

# Amounts are shown as minutes and credits, so the unit of the rows would mislead.
NAMES = {Unit.GPU_MS: _("GPU time"), Unit.CREDITS: _("API credits")}


class UnitFilter(admin.SimpleListFilter):
    title = _("wallet")
    parameter_name = "unit"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(unit.value, name) for unit, name in NAMES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> QuerySet[Wallet]:
        return queryset.filter(unit=self.value()) if self.value() in NAMES else queryset


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    exact = ("id",)
    list_display = ("id", "owner", "of", "whole", "set_aside", "free", "related")
    list_filter = (UnitFilter,)
    list_select_related = ("user",)
    action_form = AdjustmentForm
    actions = ("adjust",)

    @admin.display(description=_("owner"))
    def owner(self, wallet: Wallet) -> str:
        return link(wallet.user)

    @admin.display(description=_("wallet"))
    def of(self, wallet: Wallet) -> str:
        return str(NAMES[Unit(wallet.unit)])

    @admin.display(description=_("balance"), ordering="balance")
    def whole(self, wallet: Wallet) -> str:
        return amount(wallet.balance, wallet.unit)

    @admin.display(description=_("held"), ordering="held")
    def set_aside(self, wallet: Wallet) -> str:
        return amount(wallet.held, wallet.unit)

    @admin.display(description=_("not held"))
    def free(self, wallet: Wallet) -> str:
        return amount(wallet.balance - wallet.held, wallet.unit)

    @admin.display(description=_("belonging to it"))
    def related(self, wallet: Wallet) -> SafeString:
        names = ((Grant, _("grants")), (Hold, _("holds")), (Entry, _("entries")))
        return format_html_join(
            " · ",
            "{}",
            ((list_link(model, name, wallet__id__exact=wallet.pk),) for model, name in names),
        )

    def has_adjust_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.change_wallet")

    @admin.action(description=_("Adjust by the amount"), permissions=["adjust"])
    def adjust(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> None:
        form = AdjustmentForm(request.POST)
        form.fields["action"].choices = self.get_action_choices(request)  # type: ignore[attr-defined]
        if not form.is_complete:
            text = _("An adjustment needs an amount, its unit and a reason.")
            self.message_user(request, text, messages.ERROR)
            return
        wallets = list(queryset.select_related("user"))
        if any(wallet.unit != form.adjustment["unit"] for wallet in wallets):
            text = _("A selected wallet has another unit. Nothing was adjusted.")
            self.message_user(request, text, messages.ERROR)
            return
        for wallet in wallets:
            self._adjust(request, wallet, form.adjustment)

    def _adjust(self, request: HttpRequest, wallet: Wallet, adjustment: dict[str, Any]) -> None:
        unit = adjustment["unit"]
        try:
            ledger.adjust(
                wallet.user,
                unit=unit,
                amount=adjustment["amount"],
                reference=f"adjustment:{adjustment['token']}:{wallet.pk}",
                note=f"{adjustment['reason']} ({request.user})"[:200],
            )
        except ledger.InsufficientBalance as error:
            self.message_user(request, f"{wallet.user}: {error}", messages.ERROR)
            return
        wallet.refresh_from_db()
        text = _("Adjusted %(user)s by %(amount)s. The balance is now %(balance)s.") % {
            "user": wallet.user,
            "amount": exact_amount(adjustment["amount"], unit),
            "balance": exact_amount(wallet.balance, unit),
        }
        self.message_user(request, text)
