"""What a customer has to know about their subscription on every page, and the one thing to do about it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Min
from django.urls import reverse

from accounts.models import User
from billing import plans
from billing.models import Payment, Subscription


class Trouble(StrEnum):
    """Why a banner is shown."""

    # The bank wants its customer to confirm an upgrade.
    UNCONFIRMED = "unconfirmed"
    # A renewal failed: everything goes on for some days, then nothing new is made.
    GRACE = "grace"
    OVERDUE = "overdue"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """`until` is when the days of grace end; `url` is where the invoice is paid, if there is one."""

    trouble: Trouble
    until: datetime | None
    url: str


def notice(user: User) -> Notice | None:
    """What to tell the user, None if all is well. One query, two in trouble."""
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
    """The invoice of this subscription that waits to be paid, the latest if there are several."""
    waiting = Payment.objects.filter(
        user=user,
        status=Payment.Status.OPEN,
        provider_subscription_id=subscription.provider_subscription_id,
    )
    return waiting.order_by("-created_at", "-id").first()


def next_minutes_at(user: User) -> datetime | None:
    """When the plan brings minutes again; None if there is no plan, or it ends before. Two queries."""
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
