"""Payments, and those that failed."""

from datetime import datetime

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin_tools import ReadOnlyAdmin
from billing import money, plans, subscriptions
from billing.models import FailedPayment, Payment
from billing.providers.protocol import ProviderUnavailable


class AmountAdmin(ReadOnlyAdmin):
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
    """Open payments after a failed attempt, each with the end of its days of grace."""

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
