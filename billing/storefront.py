"""Plans on the plans page: each with its price and the action of its button."""

from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from billing import money, plans, subscriptions
from billing.models import Interval, Subscription
from billing.plans import PLANS, Plan


class Action(StrEnum):
    """The action of a plan's button."""

    SIGN_UP = "sign_up"
    SUBSCRIBE = "subscribe"
    # The present plan, and the one from the next period on.
    CURRENT = "current"
    NEXT = "next"
    # A change now, or after the paid period.
    AT_ONCE = "at_once"
    AT_PERIOD_END = "at_period_end"


@dataclass(frozen=True, kw_only=True)
class Offered:
    """A plan on the page."""

    plan: Plan
    interval: Interval
    action: Action
    # Highlighted on the page.
    is_suggested: bool = False

    @property
    def price(self) -> str:
        return money.text(self.plan.price(self.interval), settings.CURRENCY, short=True)

    @property
    def price_a_month(self) -> str:
        """A twelfth of a year's price, or a month's."""
        months = 12 if self.interval == Interval.YEAR else 1
        return money.text(self.plan.price(self.interval) // months, settings.CURRENCY, short=True)


def offered(user: User | AnonymousUser, interval: Interval) -> list[Offered]:
    """The plans, each with its button for the user. One query."""
    subscription = None
    if user.is_authenticated:
        subscription = subscriptions.live(user)
    actions = {
        plan.id: _action(user, subscription, plan=plan, interval=interval)
        for plan in PLANS.values()
    }
    # The next larger plan, or the middle one without a subscription.
    larger = [plan_id for plan_id, action in actions.items() if action == Action.AT_ONCE]
    suggested = (larger or list(actions)[1:])[0] if subscription is None or larger else None
    return [
        Offered(
            plan=plan,
            interval=interval,
            action=actions[plan.id],
            is_suggested=plan.id == suggested,
        )
        for plan in PLANS.values()
    ]


def _action(
    user: User | AnonymousUser,
    subscription: Subscription | None,
    *,
    plan: Plan,
    interval: Interval,
) -> Action:
    if not user.is_authenticated:
        return Action.SIGN_UP
    if subscription is None:
        return Action.SUBSCRIBE
    if (subscription.plan, subscription.interval) == (plan.id, interval):
        return Action.CURRENT
    if (subscription.next_plan, subscription.next_interval) == (plan.id, interval):
        return Action.NEXT
    since = PLANS[subscription.plan], Interval(subscription.interval)
    is_upgrade = plans.is_upgrade(plan, interval, since=since)
    return Action.AT_ONCE if is_upgrade else Action.AT_PERIOD_END
