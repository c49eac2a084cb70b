"""Subscriptions and customers, read-only."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.admin_tools import ReadOnlyAdmin, link
from billing import money
from billing.models import Customer, OwedCancellation, Subscription


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


@admin.register(OwedCancellation)
class OwedCancellationAdmin(ReadOnlyAdmin):
    person = "subscription__user"
    list_display = ("subscription", "owner", "attempts", "due_at", "error")
    list_select_related = ("subscription__user",)

    @admin.display(description=_("owner"))
    def owner(self, owed: OwedCancellation) -> str:
        return link(owed.subscription.user)


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    exact = ("provider_customer_id",)
    list_display = ("user", "provider", "account", "provider_customer_id")
    list_select_related = ("user",)
