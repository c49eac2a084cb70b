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


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    exact = ("id",)
    list_display = ("id", "owner", "unit", "balance", "held", "free", "related")
    list_filter = ("unit",)
    list_select_related = ("user",)
    action_form = AdjustmentForm
    actions = ("adjust",)

    @admin.display(description=_("owner"))
    def owner(self, wallet: Wallet) -> str:
        return link(wallet.user)

    @admin.display(description=_("not held"))
    def free(self, wallet: Wallet) -> int:
        return wallet.balance - wallet.held

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
        if not form.is_valid() or not all(
            form.cleaned_data[name] for name in ("amount", "reason", "token")
        ):
            self.message_user(
                request, _("An adjustment needs an amount and a reason."), messages.ERROR
            )
            return
        for wallet in queryset.select_related("user"):
            self._adjust(request, wallet, form.cleaned_data)

    def _adjust(self, request: HttpRequest, wallet: Wallet, adjustment: dict[str, Any]) -> None:
        try:
            ledger.adjust(
                wallet.user,
                unit=Unit(wallet.unit),
                amount=adjustment["amount"],
                reference=f"adjustment:{adjustment['token']}:{wallet.pk}",
                note=f"{adjustment['reason']} ({request.user})"[:200],
            )
        except ledger.InsufficientBalance as error:
            self.message_user(request, f"{wallet}: {error}", messages.ERROR)
        else:
            self.message_user(request, _("Adjusted %(wallet)s.") % {"wallet": wallet})
