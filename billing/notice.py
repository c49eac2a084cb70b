"""The banner about a subscription in trouble, shown on every page."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Min
from django.urls import reverse

from accounts.models import User
from billing import plans
from billing.models import Payment, Subscription


class Trouble(StrEnum):
    """The reason for the banner."""

    # The bank wants the customer to confirm the payment for an upgrade.
    UNCONFIRMED = "unconfirmed"
    # A renewal failed. After the days of grace no new job is accepted.
    GRACE = "grace"
    OVERDUE = "overdue"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """`until` is the end of the days of grace; `url` is the page for paying, or the plan's page."""

    trouble: Trouble
    until: datetime | None
    url: str


def notice(user: User) -> Notice | None:
    """The user's banner, None without trouble. One query, two in trouble."""
    subscription = Subscription.objects.filter(user=user).first()
    if subscription is None or not subscription.is_live:
        return None
    if not subscription.is_past_due:
        return _unconfirmed(user, subscription)
    trouble = Trouble.OVERDUE if plans.is_overdue(subscription) else Trouble.GRACE
    return Notice(
        trouble=trouble, until=plans.grace_ends(subscription), url=_page_of(user, subscription)
    )


def open_payment(user: User, subscription: Subscription) -> Payment | None:
    """The latest unpaid invoice of the subscription."""
    waiting = Payment.objects.filter(
        user=user,
        status=Payment.Status.OPEN,
        provider_subscription_id=subscription.provider_subscription_id,
    )
    return waiting.order_by("-created_at", "-id").first()


def next_minutes_at(user: User) -> datetime | None:
    """The moment of the plan's next minutes; None without a plan, or if it ends before. Two queries."""
    subscription = Subscription.objects.filter(user=user).first()
    if subscription is None or subscription.status != Subscription.Status.ACTIVE:
        return None
    months = Payment.objects.filter(user=user).aggregate(next=Min("next_month_at"))
    month: datetime | None = months["next"]
    if month is not None or subscription.cancel_at_period_end:
        return month
    return subscription.current_period_end


def _unconfirmed(user: User, subscription: Subscription) -> Notice | None:
    if not subscription.awaits_confirmation:
        return None
    return Notice(trouble=Trouble.UNCONFIRMED, until=None, url=_page_of(user, subscription))


def _page_of(user: User, subscription: Subscription) -> str:
    payment = open_payment(user, subscription)
    return reverse("billing:pay", args=[payment.pk]) if payment else reverse("billing:plan")
