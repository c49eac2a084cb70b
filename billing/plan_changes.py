"""What a customer does with a subscription: change the plan, cancel, take either back, end it.

Each asks the provider and then has our row follow. Of two browsers that ask at once one is heard: who
asks first counts `Subscription.changes` up, and what was shown before that no longer holds.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core import signing
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from billing import money, periods, plans, subscriptions
from billing.models import LIVE, Interval, Subscription
from billing.plans import PLANS, Plan
from billing.providers import gateway
from billing.providers.objects import ProviderSubscription

# How long a price that was shown holds.
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
    """What was shown is too old, or the subscription was changed since. Nothing was done."""

    def __init__(self) -> None:
        super().__init__(_("Your plan or its price has changed meanwhile. Please look again."))


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What a change of plan will bring. `token` is handed back to `change`, to do just that.

    At once: `due_cents` now, for `gpu_ms` more of this month. Otherwise nothing changes until `at`.
    """

    plan: Plan
    interval: Interval
    at_once: bool
    at: datetime
    currency: str
    due_cents: int
    gpu_ms: int
    # What each period costs from then on, before tax.
    renewal_cents: int
    token: str


def offer(user: User, plan: Plan, interval: Interval) -> Offer:
    """What changing to `plan` would cost and bring now.

    Raises NotSubscribed, PaymentFirst, SamePlan, ProviderUnavailable.
    """
    subscription = _get_active(user)
    at_once = _is_at_once(subscription, plan, interval)
    at = subscription.current_period_end
    due_cents = gpu_ms = 0
    if at_once:
        at = timezone.now().replace(microsecond=0)
        due_cents, gpu_ms = _due_now(subscription, plan, interval, at=at)
    asked = [user.pk, plan.id, interval, int(at.timestamp()), at_once, subscription.changes]
    return Offer(
        plan=plan,
        interval=interval,
        at_once=at_once,
        at=at,
        currency=subscription.currency,
        due_cents=due_cents,
        gpu_ms=gpu_ms,
        renewal_cents=money.in_currency(plan.price(interval), subscription.currency),
        token=signing.dumps(asked, salt=_SALT),
    )


def change(user: User, token: str) -> str | None:
    """Do what an offer said. Returns the page where the bank asks the customer first, if it does.

    Raises OfferExpired, NotSubscribed, PaymentFirst, CardDeclined, ProviderUnavailable, Contended.
    """
    plan, interval, at, at_once, changes = _read(token, user)
    subscription = _get_active(user)
    if at_once != _is_at_once(subscription, plan, interval):
        raise OfferExpired
    key, remote = _ask(subscription, changes=changes)
    page = None
    if remote.cancel_at_period_end:
        gateway().set_cancel_at_period_end(remote, cancel=False, idempotency_key=f"{key}:resume")
    if at_once:
        page = gateway().change_plan(remote, plan, interval, at=at, idempotency_key=key)
    else:
        gateway().schedule_change(remote, plan, interval, idempotency_key=key)
    subscriptions.synchronize(remote.id)
    return page


def cancel(user: User) -> Subscription | None:
    """End the user's subscription with its period. Raises NotSubscribed, ProviderUnavailable."""
    return _set_cancel_at_period_end(user, cancel=True)


def resume(user: User) -> Subscription | None:
    """Take a cancellation back before it took effect. Raises NotSubscribed, ProviderUnavailable."""
    return _set_cancel_at_period_end(user, cancel=False)


def keep(user: User) -> Subscription | None:
    """Take back a change that waits for the period's end. Raises NotSubscribed, ProviderUnavailable."""
    key, remote = _ask(_get_live(user))
    gateway().unschedule(remote, idempotency_key=key)
    return subscriptions.synchronize(remote.id)


def end(user: User) -> Subscription | None:
    """End the subscription now and give up what is owed for it: for who does not want to pay any more.

    What was paid stays: minutes until they expire, top-ups and credits. Raises NotSubscribed,
    ProviderUnavailable.
    """
    key, remote = _ask(_get_live(user))
    gateway().end(remote, idempotency_key=key)
    return subscriptions.synchronize(remote.id)


def end_if_live(user: User) -> None:
    """End what the provider still charges for, at once: the account is being deleted. Safe to repeat.

    Raises ProviderUnavailable, Contended.
    """
    subscription = Subscription.objects.filter(user=user).first()
    if subscription is None:
        return
    # Has it ended, or begun, without our hearing of it?
    known = subscriptions.synchronize(subscription.provider_subscription_id)
    if known is not None and known.is_live:
        end(user)


def _get_live(user: User) -> Subscription:
    subscription = Subscription.objects.filter(user=user).first()
    if subscription is None or not subscription.is_live:
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
    """The money that an upgrade costs at once, and the minutes that it brings for this month."""
    remote = gateway().retrieve_subscription(subscription.provider_subscription_id)
    invoice = gateway().preview_change(remote, plan, interval, at=at)
    # Another interval begins a period of its own.
    anchor = remote.anchor if interval == remote.price.interval else at
    return invoice.due_cents, periods.total(invoice.months(anchor)[:1])


def _ask(
    subscription: Subscription, *, changes: int | None = None
) -> tuple[str, ProviderSubscription]:
    """An idempotency key for what is asked now, and what it is asked of. Raises OfferExpired.

    `changes` is the count that the customer's page was made with; who comes second has an old one.
    """
    live = Subscription.objects.filter(pk=subscription.pk, status__in=LIVE)
    expected = subscription.changes if changes is None else changes
    if not live.filter(changes=expected).update(changes=F("changes") + 1):
        raise OfferExpired
    key = f"{subscription.provider_subscription_id}:{expected}"
    return key, gateway().retrieve_subscription(subscription.provider_subscription_id)


def _set_cancel_at_period_end(user: User, *, cancel: bool) -> Subscription | None:
    key, remote = _ask(_get_live(user))
    gateway().set_cancel_at_period_end(remote, cancel=cancel, idempotency_key=key)
    return subscriptions.synchronize(remote.id)


def _read(token: str, user: User) -> tuple[Plan, Interval, datetime, bool, int]:
    """What `offer` put into the token. Raises OfferExpired."""
    try:
        read: list[Any] = signing.loads(token, salt=_SALT, max_age=OFFER_SECONDS)
    except signing.BadSignature as error:
        raise OfferExpired from error
    user_id, plan_id, interval, at, at_once, changes = read
    if user_id != user.pk:
        raise OfferExpired
    return PLANS[plan_id], Interval(interval), datetime.fromtimestamp(at, tz=UTC), at_once, changes
