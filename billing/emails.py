"""Emails about money and minutes, in the active language and time zone."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from django.utils.translation import gettext as _

from accounts import time_zones
from accounts.emails import Email, link
from billing.plans import PLANS, Plan, WhenEmpty
from billing.templatetags.amounts import gpu_time


def receipt(*, name: str, amount: str, number: str, paid_at: datetime) -> Email:
    """`name` is the product's; `number` is the invoice's at the provider, or empty."""
    facts = [
        (_("What"), name),
        (_("Paid"), amount),
        (_("Paid on"), time_zones.named(paid_at)),
    ]
    if number:
        facts.append((_("Invoice"), number))
    return Email(
        subject=_("Your receipt: %(amount)s for %(name)s") % {"amount": amount, "name": name},
        paragraphs=[_("Thank you. Your payment has arrived, and what you bought is there.")],
        facts=facts,
        action=(_("Plan and billing"), link("billing:plan")),
        after=[_("You find the invoice itself there, too.")],
    )


def renewal_failed(*, name: str, amount: str, until: datetime) -> Email:
    """`until` is the end of the days of grace."""
    return Email(
        subject=_("Your card was refused"),
        paragraphs=[
            _(
                "We could not renew your %(name)s plan: the bank refused the card. It is tried "
                "again in the next days. To be sure, look whether the card is still good, or give "
                "another one."
            )
            % {"name": name},
            _("Your pictures stay, whatever happens."),
        ],
        facts=[
            (_("Plan"), name),
            (_("Unpaid"), amount),
            (_("Plan kept until"), time_zones.named(until)),
        ],
        action=(_("Look after your payment"), link("billing:plan")),
    )


def minutes_used(*, plan: Plan, percent: int, left_ms: int, renews_at: datetime | None) -> Email:
    """`left_ms` includes top-ups."""
    facts = [(_("Left"), gpu_time(left_ms))]
    if renews_at is not None:
        facts.append((_("New minutes on"), time_zones.named(renews_at)))
    used_up = percent >= 100
    return Email(
        subject=_("Your minutes are used up")
        if used_up
        else _("You have used %(percent)d%% of your minutes") % {"percent": percent},
        paragraphs=[
            _("Less than a minute is left of what your %(name)s plan gave you.")
            % {"name": plan.name}
            if used_up
            else _("Of the GPU minutes of your %(name)s plan, %(percent)d%% are used.")
            % {"name": plan.name, "percent": percent},
            _what_follows(plan),
        ],
        facts=facts,
        action=(_("See the plans"), link("billing:plans")),
    )


def _what_follows(plan: Plan) -> str:
    if plan.when_empty == WhenEmpty.RELAX:
        return _("When they are gone, your pictures are still made, after everybody else's.")
    return _("When they are gone, your pictures wait until you have minutes again.")


_SAMPLE_MOMENT = datetime(2026, 5, 8, 12, tzinfo=UTC)
# An example of every email, to look at and to test.
SAMPLES: Mapping[str, Callable[[], Email]] = {
    "receipt": partial(
        receipt, name="Standard", amount="$30.00", number="SW-0042", paid_at=_SAMPLE_MOMENT
    ),
    "renewal_failed": partial(
        renewal_failed, name="Standard", amount="$30.00", until=_SAMPLE_MOMENT
    ),
    "minutes_80": partial(
        minutes_used,
        plan=PLANS["standard"],
        percent=80,
        left_ms=10_800_000,
        renews_at=_SAMPLE_MOMENT,
    ),
    "minutes_100": partial(
        minutes_used, plan=PLANS["basic"], percent=100, left_ms=0, renews_at=_SAMPLE_MOMENT
    ),
}
