"""The catalogue: plans, the trial's limits and the credit packs. Looked up, never spelled in an `if`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.models import Subscription

if TYPE_CHECKING:
    from accounts.models import User

MEGAPIXEL = 1024 * 1024
# How long a plan's limits stay after a failed renewal, while the provider tries the card again.
GRACE = timedelta(days=7)


class WhenEmpty(StrEnum):
    """What becomes of a job when the minutes have run out."""

    PARK = "park"
    RELAX = "relax"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a month costs and contains. `max_pixels` is the largest picture, width times height."""

    id: str
    name: str | Promise
    price_cents: int
    gpu_minutes: int
    jobs_at_once: int
    queue_weight: int
    max_pixels: int
    when_empty: WhenEmpty

    @property
    def gpu_ms(self) -> int:
        return self.gpu_minutes * 60_000

    @property
    def price_dollars(self) -> int:
        return self.price_cents // 100

    @property
    def max_megapixels(self) -> int:
        return self.max_pixels // MEGAPIXEL


@dataclass(frozen=True, kw_only=True)
class CreditPack:
    """Credits for the API, bought once. `credits` are whole credits."""

    id: str
    price_cents: int
    credits: int

    @property
    def thousandths(self) -> int:
        return self.credits * 1_000


TRIAL = Plan(
    id="trial",
    name=_("Trial"),
    price_cents=0,
    gpu_minutes=settings.TRIAL_GPU_MINUTES,
    jobs_at_once=1,
    queue_weight=1,
    max_pixels=1 * MEGAPIXEL,
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
            when_empty=WhenEmpty.RELAX,
        ),
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


def plan_of(user: "User") -> Plan:
    """The plan whose limits apply to `user` now; the trial's where no subscription does. One query."""
    subscription = Subscription.objects.filter(user=user).first()
    if subscription is None or not _is_open(subscription):
        return TRIAL
    return PLANS[subscription.plan]


def _is_open(subscription: Subscription) -> bool:
    # A renewal is due at the start of a period, so that is when a failed one began.
    if subscription.status == Subscription.Status.PAST_DUE:
        return timezone.now() < subscription.current_period_start + GRACE
    return subscription.status == Subscription.Status.ACTIVE
