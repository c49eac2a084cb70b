"""A customer's changes of a subscription: another plan, cancel, resume, end.

Each calls the provider and then synchronizes our row. Of two browsers at once only one succeeds: the first
increments `Subscription.changes`, and offers with an older count have expired.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core import signing
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from billing import money, owed_cancellations, periods, plans, subscriptions
from billing.models import LIVE, Interval, Subscription
from billing.plans import PLANS, Plan
from billing.providers import gateway
from billing.providers.objects import ProviderSubscription
from billing.providers.protocol import CardDeclined, ProviderUnavailable

log = logging.getLogger(__name__)

# A price that was shown holds this long.
OFFER_SECONDS = 900
_SALT = "billing.changes"


class NotSubscribed(Exception):
    def __init__(self) -> None:
        super().__init__(_("You have no subscription that could be changed."))


class PaymentFirst(Exception):
    def __init__(self) -> None:
        super().__init__(_("Pay the open invoice first; then you can change your plan."))


class SamePlan(Exception):
    def __init__(self) -> None:
        super().__init__(_("This is the plan that you have."))


class OfferExpired(Exception):
    """The offer is too old, or the subscription was changed since. Nothing was done."""

    def __init__(self) -> None:
        super().__init__(_("Your plan or its price has changed meanwhile. Please look again."))


class PageExpired(OfferExpired):
    """The plan has become past due, or has been paid, since its page was shown. Nothing was done."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A change of plan with its price. `change` takes the `token` and does exactly this.

    At once: `due_cents` now, for `gpu_ms` more in this month. Otherwise nothing changes until `at`.
    """

    plan: Plan
    interval: Interval
    at_once: bool
    at: datetime
    currency: str
    due_cents: int
    gpu_ms: int
    # The price of each later period, before tax.
    renewal_cents: int
    token: str


def offer(user: User, plan: Plan, interval: Interval) -> Offer:
    """The price and the minutes of a change to `plan` now.

    Raises NotSubscribed, PaymentFirst, SamePlan, ProviderUnavailable.
    """
    subscription = _get_active(user)
    at_once = _is_at_once(subscription, plan, interval)
    at = subscription.current_period_end
    due_cents = gpu_ms = 0
    if at_once:
        at = timezone.now().replace(microsecond=0)
        due_cents, gpu_ms = _due_now(subscription, plan, interval, at=at)
    terms = [user.pk, plan.id, interval, int(at.timestamp()), at_once, subscription.changes]
    return Offer(
        plan=plan,
        interval=interval,
        at_once=at_once,
        at=at,
        currency=subscription.currency,
        due_cents=due_cents,
        gpu_ms=gpu_ms,
        renewal_cents=money.in_currency(plan.price(interval), subscription.currency),
        token=signing.dumps(terms, salt=_SALT),
    )


def change(user: User, token: str) -> str | None:
    """Carry out an offer. Returns the URL of a page if the bank wants a confirmation first.

    Raises OfferExpired, NotSubscribed, PaymentFirst, CardDeclined, ProviderUnavailable, Contended.
    """
    plan, interval, at, at_once, changes = _read(token, user)
    subscription = _get_active(user)
    if at_once != _is_at_once(subscription, plan, interval):
        raise OfferExpired
    key, remote = _begin_change(subscription, changes=changes)
    # A refusal must come before the first step.
    gateway().require_price(plan, interval)
    page = None
    if at_once:
        remote = _cancel_again_if_owed(subscription, remote, key=key)
        page = gateway().change_plan(remote, plan, interval, at=at, idempotency_key=key)
    else:
        _schedule(subscription, remote, plan, interval, key=key)
    subscriptions.synchronize(remote.id)
    return page


def _cancel_again_if_owed(
    subscription: Subscription, remote: ProviderSubscription, *, key: str
) -> ProviderSubscription:
    """Pay what is owed before an upgrade; returns the subscription as it is then.

    Otherwise a canceled plan would renew, if the customer doesn't confirm the payment with the bank.
    """
    if not owed_cancellations.is_owed(subscription):
        return remote
    owed_cancellations.cancel_again(owed_cancellations.owe(subscription, key=key))
    return gateway().retrieve_subscription(remote.id)


def _schedule(
    subscription: Subscription,
    remote: ProviderSubscription,
    plan: Plan,
    interval: Interval,
    *,
    key: str,
) -> None:
    """Schedule a change, withdrawing a cancellation, which returns if the change is refused.

    Otherwise a canceled plan would renew, by a change that its owner was told had failed.
    """
    if not (remote.cancel_at_period_end or owed_cancellations.is_owed(subscription)):
        gateway().schedule_change(remote, plan, interval, idempotency_key=key)
        return
    owed = owed_cancellations.owe(subscription, key=key)
    try:
        gateway().set_cancel_at_period_end(remote, cancel=False, idempotency_key=f"{key}:resume")
        gateway().schedule_change(remote, plan, interval, idempotency_key=key)
    except (CardDeclined, ProviderUnavailable):
        owed_cancellations.pay(owed)
        raise
    owed_cancellations.forgive(subscription, key=key)


def cancel(user: User) -> Subscription | None:
    """Cancel a paid plan at the end of the period.

    Raises NotSubscribed, PageExpired, ProviderUnavailable, Contended.
    """
    subscription = _get_live(user)
    key, remote = _begin_change(subscription)
    _require(remote, is_past_due=False)
    gateway().set_cancel_at_period_end(remote, cancel=True, idempotency_key=key)
    owed_cancellations.forgive(subscription, key=key)
    return subscriptions.synchronize(remote.id)


def resume(user: User) -> Subscription | None:
    """Withdraw a cancellation before the period ends. Raises NotSubscribed, ProviderUnavailable, Contended."""
    subscription = _get_live(user)
    key, remote = _begin_change(subscription)
    owed_cancellations.forgive(subscription, key=key)
    gateway().set_cancel_at_period_end(remote, cancel=False, idempotency_key=key)
    return subscriptions.synchronize(remote.id)


def keep(user: User) -> Subscription | None:
    """Drop the scheduled change of plan. Raises NotSubscribed, ProviderUnavailable, Contended."""
    subscription = _get_live(user)
    key, remote = _begin_change(subscription)
    owed_cancellations.forgive(subscription, key=key)
    gateway().unschedule(remote, idempotency_key=key)
    return subscriptions.synchronize(remote.id)


def end_unpaid(user: User) -> Subscription | None:
    """End a past-due plan now. Raises NotSubscribed, PageExpired, ProviderUnavailable, Contended."""
    subscription = _get_live(user)
    _require(
        gateway().retrieve_subscription(subscription.provider_subscription_id), is_past_due=True
    )
    return end(user)


def end(user: User) -> Subscription | None:
    """Cancel the subscription now and void its open invoices.

    Paid minutes stay until they expire; top-ups and credits stay. Raises NotSubscribed,
    ProviderUnavailable, Contended.
    """
    key, remote = _begin_change(_get_live(user))
    gateway().end(remote, idempotency_key=key)
    return subscriptions.synchronize(remote.id)


def end_if_live(user: User) -> None:
    """End a live subscription, because the account is being deleted. Safe to repeat.

    Raises ProviderUnavailable, Contended.
    """
    subscription = Subscription.objects.filter(user=user).first()
    if subscription is None:
        return
    if subscriptions.is_elsewhere(subscription):
        log.error("%s cannot be ended here", subscription.provider_subscription_id)
        return
    # It may have ended or begun, and its event may be late.
    known = subscriptions.synchronize(subscription.provider_subscription_id)
    if known is not None and known.is_live:
        end(user)


def _get_live(user: User) -> Subscription:
    subscription = subscriptions.live(user)
    if subscription is None:
        raise NotSubscribed
    return subscription


def _get_active(user: User) -> Subscription:
    subscription = _get_live(user)
    if subscription.is_past_due:
        raise PaymentFirst
    return subscription


def _is_at_once(subscription: Subscription, plan: Plan, interval: Interval) -> bool:
    """Raises SamePlan."""
    since = PLANS[subscription.plan], Interval(subscription.interval)
    if (plan, interval) == since:
        raise SamePlan
    return plans.is_upgrade(plan, interval, since=since)


def _due_now(
    subscription: Subscription, plan: Plan, interval: Interval, *, at: datetime
) -> tuple[int, int]:
    """The price of an upgrade at once, and its minutes for this month."""
    remote = gateway().retrieve_subscription(subscription.provider_subscription_id)
    invoice = gateway().preview_change(remote, plan, interval, at=at)
    # Another interval begins a new period.
    anchor = remote.anchor if interval == remote.price.interval else at
    return invoice.due_cents, periods.total(invoice.months(anchor)[:1])


def _begin_change(
    subscription: Subscription, *, changes: int | None = None
) -> tuple[str, ProviderSubscription]:
    """An idempotency key for this change, and the subscription at the provider.

    Raises OfferExpired, Contended, ProviderUnavailable. `changes` is the count in the customer's offer; the second of two browsers has an old one.
    """
    live = Subscription.objects.filter(pk=subscription.pk, status__in=LIVE)
    expected = subscription.changes if changes is None else changes
    if not live.filter(changes=expected).update(changes=F("changes") + 1):
        raise OfferExpired
    key = f"{subscription.provider_subscription_id}:{expected}"
    owed_cancellations.take_over(subscription, key=key)
    return key, gateway().retrieve_subscription(subscription.provider_subscription_id)


def _require(remote: ProviderSubscription, *, is_past_due: bool) -> None:
    """Raises PageExpired, with our row synchronized, so that the right page comes next."""
    if (remote.status == Subscription.Status.PAST_DUE) != is_past_due:
        subscriptions.synchronize(remote.id)
        raise PageExpired


def _read(token: str, user: User) -> tuple[Plan, Interval, datetime, bool, int]:
    """The plan, interval, moment, kind and count in an offer's token. Raises OfferExpired."""
    try:
        read: list[Any] = signing.loads(token, salt=_SALT, max_age=OFFER_SECONDS)
    except signing.BadSignature as error:
        raise OfferExpired from error
    user_id, plan_id, interval, at, at_once, changes = read
    if user_id != user.pk:
        raise OfferExpired
    return PLANS[plan_id], Interval(interval), datetime.fromtimestamp(at, tz=UTC), at_once, changes
