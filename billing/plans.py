"""The catalogue: plans, the trial, top-ups and credit packs.

Prices are in the smallest unit of the currency that the settings name.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from billing.models import Grant, Interval, Subscription, Unit

MEGAPIXEL = 1024 * 1024
# A plan's limits stay this long after a failed renewal, while the provider retries the card.
GRACE = timedelta(days=7)
# A year costs ten months.
MONTHS_PAID = {Interval.MONTH: 1, Interval.YEAR: 10}


class PaymentOverdue(Exception):
    """The renewal failed and its days of grace are over. Nothing was written."""

    def __init__(self) -> None:
        super().__init__(
            str(_("Your last payment failed. Pay it to make pictures again; nothing was deleted."))
        )


class WhenEmpty(StrEnum):
    """The fate of a job without minutes: it waits for more, or runs in the relaxed queue."""

    PARK = "park"
    RELAX = "relax"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A plan's price and limits. `max_pixels` is the largest image, width times height.

    `kept_states` are states of finished images that are kept for a day, so that others can go on from them.
    """

    id: str
    name: str | Promise
    price_cents: int
    gpu_minutes: int
    jobs_at_once: int
    queue_weight: int
    max_pixels: int
    kept_states: int
    when_empty: WhenEmpty

    @property
    def gpu_ms(self) -> int:
        return self.gpu_minutes * 60_000

    @property
    def max_megapixels(self) -> int:
        return self.max_pixels // MEGAPIXEL

    def price(self, interval: Interval) -> int:
        """The price of one period."""
        return self.price_cents * MONTHS_PAID[interval]


@dataclass(frozen=True, kw_only=True)
class Product(ABC):
    """An amount for a wallet, bought once. It doesn't expire."""

    unit: ClassVar[Unit]
    source: ClassVar[Grant.Source]

    id: str
    price_cents: int

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    @abstractmethod
    def quantity(self) -> int:
        """Whole minutes or credits."""

    @property
    @abstractmethod
    def amount(self) -> int:
        """In the wallet's unit."""

    @property
    def unit_price(self) -> int:
        """The price of a minute or a credit, rounded up."""
        return -(-self.price_cents // self.quantity)


@dataclass(frozen=True, kw_only=True)
class TopUp(Product):
    """GPU minutes. Dearer than a plan's, which come each month."""

    unit = Unit.GPU_MS
    source = Grant.Source.TOPUP

    gpu_minutes: int

    @property
    def name(self) -> str:
        return ngettext("%(minutes)s GPU minute", "%(minutes)s GPU minutes", self.gpu_minutes) % {
            "minutes": f"{self.gpu_minutes:,}"
        }

    @property
    def quantity(self) -> int:
        return self.gpu_minutes

    @property
    def amount(self) -> int:
        return self.gpu_minutes * 60_000


@dataclass(frozen=True, kw_only=True)
class CreditPack(Product):
    """Credits for the API."""

    unit = Unit.CREDITS
    source = Grant.Source.PACK

    credits: int

    @property
    def name(self) -> str:
        return ngettext("%(credits)s API credit", "%(credits)s API credits", self.credits) % {
            "credits": f"{self.credits:,}"
        }

    @property
    def quantity(self) -> int:
        return self.credits

    @property
    def thousandths(self) -> int:
        return self.credits * 1_000

    @property
    def amount(self) -> int:
        return self.thousandths


TRIAL = Plan(
    id="trial",
    name=_("Trial"),
    price_cents=0,
    gpu_minutes=settings.TRIAL_GPU_MINUTES,
    jobs_at_once=1,
    queue_weight=1,
    max_pixels=1 * MEGAPIXEL,
    kept_states=5,
    when_empty=WhenEmpty.PARK,
)

PLANS: Mapping[str, Plan] = {
    plan.id: plan
    for plan in (
        Plan(
            id="basic",
            name=_("Basic"),
            price_cents=10_00,
            gpu_minutes=200,
            jobs_at_once=2,
            queue_weight=1,
            max_pixels=1 * MEGAPIXEL,
            kept_states=5,
            when_empty=WhenEmpty.PARK,
        ),
        Plan(
            id="standard",
            name=_("Standard"),
            price_cents=30_00,
            gpu_minutes=900,
            jobs_at_once=4,
            queue_weight=2,
            max_pixels=2 * MEGAPIXEL,
            kept_states=50,
            when_empty=WhenEmpty.RELAX,
        ),
        Plan(
            id="premium",
            name=_("Premium"),
            price_cents=60_00,
            gpu_minutes=2_000,
            jobs_at_once=12,
            queue_weight=4,
            max_pixels=4 * MEGAPIXEL,
            kept_states=500,
            when_empty=WhenEmpty.RELAX,
        ),
    )
}

# The limits of jobs that pay in credits, under any plan: the API is for programs.
PAY_AS_YOU_GO = Plan(
    id="credits",
    name=_("API credits"),
    price_cents=0,
    gpu_minutes=0,
    jobs_at_once=4,
    queue_weight=2,
    max_pixels=4 * MEGAPIXEL,
    kept_states=0,
    when_empty=WhenEmpty.PARK,
)

TOP_UPS: Mapping[str, TopUp] = {
    pack.id: pack
    for pack in (
        TopUp(id="minutes-100", price_cents=7_00, gpu_minutes=100),
        TopUp(id="minutes-300", price_cents=18_00, gpu_minutes=300),
        TopUp(id="minutes-1000", price_cents=50_00, gpu_minutes=1_000),
    )
}

CREDIT_PACKS: Mapping[str, CreditPack] = {
    pack.id: pack
    for pack in (
        CreditPack(id="credits-2900", price_cents=29_00, credits=2_900),
        CreditPack(id="credits-4900", price_cents=49_00, credits=4_900),
        CreditPack(id="credits-14900", price_cents=149_00, credits=14_900),
    )
}

PRODUCTS: Mapping[str, Product] = {**TOP_UPS, **CREDIT_PACKS}


def is_upgrade(plan: Plan, interval: Interval, *, since: tuple[Plan, Interval]) -> bool:
    """True if the change takes effect and is paid at once; any other waits for the period's end."""
    was, was_interval = since
    shorter = was_interval == Interval.YEAR and interval == Interval.MONTH
    return not shorter and plan.price_cents >= was.price_cents and (plan, interval) != since


def plan_of(user: User) -> Plan:
    """The plan with the user's present limits; the trial without a subscription. One query."""
    return plan_under(Subscription.objects.filter(user=user).first())


def plan_under(subscription: Subscription | None) -> Plan:
    """The plan whose limits the subscription gives; the trial if it gives none."""
    if subscription is None or not _is_open(subscription):
        return TRIAL
    return PLANS[subscription.plan]


def require_plan(user: User) -> Plan:
    """The same as `plan_of`, but raises PaymentOverdue. One query."""
    subscription = Subscription.objects.filter(user=user).first()
    if subscription is None:
        return TRIAL
    if is_overdue(subscription):
        raise PaymentOverdue
    return PLANS[subscription.plan] if _is_open(subscription) else TRIAL


def grace_ends(subscription: Subscription) -> datetime:
    """The end of the days of grace after a failed renewal."""
    # A renewal is due at the start of a period, so that is when a failed one began.
    return subscription.current_period_start + GRACE


def is_overdue(subscription: Subscription) -> bool:
    """A renewal failed and its days of grace are over."""
    return subscription.is_past_due and timezone.now() >= grace_ends(subscription)


def _is_open(subscription: Subscription) -> bool:
    if subscription.is_past_due:
        return not is_overdue(subscription)
    return subscription.status == Subscription.Status.ACTIVE
