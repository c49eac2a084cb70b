"""Money rows can be read here, never written; a correction is an entry with a reason and a name."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts import bells
from accounts.admin_tools import ReadOnlyAdmin, link, list_link
from billing import ledger, money, plans, subscriptions
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
from billing.providers.gateway import ProviderUnavailable


def _unused_token() -> str:
    return uuid4().hex


class AdjustmentForm(ActionForm):
    """Beside the list's actions: an amount in the wallet's unit (below zero takes back) and why."""

    amount = forms.IntegerField(label=_("Amount"), required=False)
    reason = forms.CharField(label=_("Reason"), required=False, max_length=150)
    # Makes a form that is sent twice adjust once.
    token = forms.UUIDField(widget=forms.HiddenInput, initial=_unused_token, required=False)


class WalletAmountsAdmin(ReadOnlyAdmin):
    """Rows of a wallet, which are found by its owner."""

    person = "wallet__user"
    exact: tuple[str, ...] = ("reference",)
    list_select_related: ClassVar[tuple[str, ...]] = ("wallet__user",)

    def of_people(self, queryset: QuerySet[Model], ids: list[int]) -> QuerySet[Model]:
        # Not through a join: their index begins with the wallet.
        wallets = list(Wallet.objects.filter(user__in=ids).values_list("pk", flat=True))
        return queryset.filter(wallet__in=wallets)

    @admin.display(description=_("owner"))
    def owner(self, row: Any) -> str:
        return link(row.wallet.user)

    @admin.display(description=_("unit"))
    def unit(self, row: Any) -> str:
        return link(row.wallet, row.wallet.get_unit_display())


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
class GrantAdmin(WalletAmountsAdmin):
    list_display = (
        "id",
        "owner",
        "unit",
        "source",
        "amount",
        "remaining",
        "expires_at",
        "reference",
        "created_at",
        "entries",
    )
    list_filter = ("source", "created_at")

    @admin.display(description=_("entries"))
    def entries(self, grant: Grant) -> str:
        return list_link(Entry, _("entries"), grant__id__exact=grant.pk)


@admin.register(Hold)
class HoldAdmin(WalletAmountsAdmin):
    list_display = (
        "id",
        "owner",
        "unit",
        "amount",
        "captured",
        "status",
        "reference",
        "created_at",
        "settled_at",
        "entries",
    )
    list_filter = ("status", "created_at")

    @admin.display(description=_("entries"))
    def entries(self, hold: Hold) -> str:
        return list_link(Entry, _("entries"), hold__id__exact=hold.pk)


@admin.register(Entry)
class EntryAdmin(WalletAmountsAdmin):
    exact = ("reference", "hold__reference")
    list_display = (
        "id",
        "owner",
        "unit",
        "kind",
        "amount",
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


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    exact = ("provider_subscription_id", "provider_customer_id")
    list_display = (
        "id",
        "owner",
        "plan",
        "interval",
        "status",
        "price",
        "current_period_end",
        "cancel_at_period_end",
        "next_plan",
        "provider",
        "provider_subscription_id",
    )
    list_filter = ("interval", "status")
    list_select_related = ("user",)

    @admin.display(description=_("owner"))
    def owner(self, subscription: Subscription) -> str:
        return link(subscription.user)

    @admin.display(description=_("price"))
    def price(self, subscription: Subscription) -> str:
        if not subscription.currency:
            return ""
        return money.text(subscription.price_cents, subscription.currency)


class StateFilter(admin.SimpleListFilter):
    """What became of an event. What waits has an index of its own."""

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


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    exact = ("provider_customer_id",)
    list_display = ("user", "provider", "provider_customer_id")
    list_select_related = ("user",)


class AmountAdmin(ReadOnlyAdmin):
    """Rows of payments."""

    ordering = ("-created_at",)
    exact = ("reference", "invoice_id", "payment_intent_id", "number")

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
    list_filter = ("status",)
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
