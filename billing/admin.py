"""Money rows can be read here, never written; a correction is an entry with a reason and a name."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from billing import ledger, money, plans, subscriptions, tasks
from billing.gateway import ProviderUnavailable
from billing.models import (
    Customer,
    Entry,
    FailedPayment,
    Grant,
    Hold,
    Payment,
    StripeEvent,
    Subscription,
    Unit,
    Wallet,
)

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Model]
else:
    ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _unused_token() -> str:
    return uuid4().hex


class AdjustmentForm(ActionForm):
    """Beside the list's actions: an amount in the wallet's unit (below zero takes back) and why."""

    amount = forms.IntegerField(label=_("Amount"), required=False)
    reason = forms.CharField(label=_("Reason"), required=False, max_length=150)
    # Makes a form that is sent twice adjust once.
    token = forms.UUIDField(widget=forms.HiddenInput, initial=_unused_token, required=False)


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    list_display = ("user", "unit", "balance", "held", "free")
    list_filter = ("unit",)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    action_form = AdjustmentForm
    actions = ("adjust",)

    @admin.display(description=_("available"))
    def free(self, wallet: Wallet) -> int:
        return ledger.available(wallet.user, Unit(wallet.unit))

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

    def _adjust(self, request: HttpRequest, wallet: Wallet, wanted: dict[str, Any]) -> None:
        try:
            ledger.adjust(
                wallet.user,
                unit=Unit(wallet.unit),
                amount=wanted["amount"],
                reference=f"adjustment:{wanted['token']}:{wallet.pk}",
                note=f"{wanted['reason']} ({request.user})"[:200],
            )
        except ledger.InsufficientBalance as refusal:
            self.message_user(request, f"{wallet}: {refusal}", messages.ERROR)
        else:
            self.message_user(request, _("Adjusted %(wallet)s.") % {"wallet": wallet})


@admin.register(Grant)
class GrantAdmin(ReadOnlyAdmin):
    list_display = (
        "wallet",
        "source",
        "amount",
        "remaining",
        "expires_at",
        "reference",
        "created_at",
    )
    list_filter = ("source", "created_at")
    list_select_related = ("wallet__user",)
    search_fields = ("wallet__user__email", "=reference")


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    list_display = (
        "reference",
        "wallet",
        "amount",
        "captured",
        "status",
        "created_at",
        "settled_at",
    )
    list_filter = ("status", "created_at")
    list_select_related = ("wallet__user",)
    search_fields = ("wallet__user__email", "=reference")


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = ("id", "wallet", "kind", "amount", "reference", "note", "created_at")
    list_filter = ("kind", "created_at")
    list_select_related = ("wallet__user",)
    ordering = ("-id",)
    search_fields = ("wallet__user__email", "=reference", "=hold__reference")


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    list_display = (
        "user",
        "plan",
        "interval",
        "status",
        "price",
        "current_period_end",
        "cancel_at_period_end",
        "next_plan",
        "provider",
    )
    list_filter = ("plan", "interval", "status", "provider")
    list_select_related = ("user",)
    search_fields = ("user__email", "=provider_subscription_id", "=provider_customer_id")

    @admin.display(description=_("price"))
    def price(self, subscription: Subscription) -> str:
        if not subscription.currency:
            return ""
        return money.text(subscription.price_cents, subscription.currency)


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    list_display = ("user", "provider", "provider_customer_id")
    list_filter = ("provider",)
    list_select_related = ("user",)
    search_fields = ("user__email", "=provider_customer_id")


class AmountAdmin(ReadOnlyAdmin):
    """Rows of payments."""

    ordering = ("-created_at",)
    search_fields = ("user__email", "=reference", "=invoice_id", "=payment_intent_id", "=number")

    @admin.display(description=_("amount"))
    def amount(self, payment: Payment) -> str:
        return money.text(payment.cents, payment.currency)


@admin.register(Payment)
class PaymentAdmin(AmountAdmin):
    list_display = (
        "created_at",
        "user",
        "product",
        "status",
        "amount",
        "returned",
        "paid_at",
        "number",
        "reference",
    )
    list_filter = ("status", "product", "created_at")
    list_select_related = ("user",)

    @admin.display(description=_("returned"))
    def returned(self, payment: Payment) -> str:
        if not payment.returned_cents:
            return ""
        text = money.text(payment.returned_cents, payment.currency)
        return _("%(amount)s disputed") % {"amount": text} if payment.disputed_cents else text


@admin.register(FailedPayment)
class FailedPaymentAdmin(AmountAdmin):
    """Who owes what, how often it was tried, and until when everything goes on."""

    list_display = (
        "created_at",
        "user",
        "product",
        "amount",
        "attempts",
        "next_attempt_at",
        "grace",
        "reference",
    )
    list_filter = ("product", "created_at")
    list_select_related = ("user__subscription",)
    actions = ("look_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return super().get_queryset(request).filter(status=Payment.Status.OPEN, attempts__gt=0)

    @admin.display(description=_("days of grace end"))
    def grace(self, payment: Payment) -> datetime | None:
        row = payment.user.subscription
        return plans.grace_ends(row) if row.is_past_due else None

    def has_look_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.change_payment")

    @admin.action(description=_("Ask the provider again"), permissions=["look"])
    def look_again(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        ids = set(queryset.values_list("provider_subscription_id", flat=True))
        try:
            for subscription_id in ids:
                subscriptions.synchronize(subscription_id)
        except ProviderUnavailable as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.message_user(request, _("They are as the provider has them now."))


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    list_display = ("id", "type", "received_at", "processed_at", "attempts", "error")
    list_filter = (("processed_at", admin.EmptyFieldListFilter), "type", "received_at")
    ordering = ("-received_at",)
    search_fields = ("=id",)
    actions = ("process_again",)

    def has_process_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.change_stripeevent")

    @admin.action(description=_("Process again"), permissions=["process"])
    def process_again(self, request: HttpRequest, queryset: QuerySet[StripeEvent]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        queryset.update(processed_at=None, attempts=0, retry_at=None)
        for event_id in ids:
            tasks.ring(tasks.process_event, event_id)
        self.message_user(
            request, _("Events to be processed again: %(count)d") % {"count": len(ids)}
        )
