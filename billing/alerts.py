"""Operator alerts about webhook events, cancellations and the books."""

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import time_zones
from accounts.admin_tools import Concern, Urgency, list_url
from billing import event_inbox, owed_cancellations, reconciliation
from billing.models import OwedCancellation, StripeEvent

# Events are processed at once, and beat retries every half minute.
LAG = timedelta(minutes=5)
# Beat reconciles four times a day.
STALE = timedelta(days=1)


def concerns() -> Iterator[Concern]:
    yield from _events(event_inbox.backlog())
    yield from _owed_cancellations(owed_cancellations.failed())
    yield from _books(reconciliation.last())


def _events(backlog: event_inbox.Backlog) -> Iterator[Concern]:
    if backlog.given_up:
        text = ngettext(
            "%(count)d event of the payment provider was given up. Look at its error, then process it again.",
            "%(count)d events of the payment provider were given up. Look at their errors, then process them again.",
            backlog.given_up,
        )
        yield Concern(
            urgency=Urgency.ERROR,
            text=text % {"count": backlog.given_up},
            url=list_url(StripeEvent, state="given_up"),
        )
    if backlog.failed:
        text = ngettext(
            "%(count)d event of the payment provider failed and is tried again.",
            "%(count)d events of the payment provider failed and are tried again.",
            backlog.failed,
        )
        yield Concern(
            urgency=Urgency.WARNING,
            text=text % {"count": backlog.failed},
            url=list_url(StripeEvent, state="failed"),
        )
    if backlog.lag > LAG:
        yield Concern(
            urgency=Urgency.WARNING,
            text=_("An event of the payment provider has waited for %(minutes)d minutes.")
            % {"minutes": backlog.lag // timedelta(minutes=1)},
            url=list_url(StripeEvent, state="waiting"),
        )


def _owed_cancellations(count: int) -> Iterator[Concern]:
    if count:
        text = ngettext(
            "%(count)d plan may renew though its owner canceled it: the payment provider does not take the cancellation.",
            "%(count)d plans may renew though their owners canceled them: the payment provider does not take the cancellations.",
            count,
        )
        yield Concern(
            urgency=Urgency.ERROR, text=text % {"count": count}, url=list_url(OwedCancellation)
        )


def _books(result: reconciliation.Result | None) -> Iterator[Concern]:
    if result is None:
        yield Concern(
            urgency=Urgency.INFO, text=_("The books have not been compared since the site started.")
        )
    elif result.differences:
        count = len(result.differences)
        text = ngettext(
            "The books differ in %(count)d place: %(first)s.",
            "The books differ in %(count)d places, first: %(first)s.",
            count,
        )
        yield Concern(
            urgency=Urgency.ERROR, text=text % {"count": count, "first": result.differences[0]}
        )
    elif timezone.now() - result.at > STALE:
        yield Concern(
            urgency=Urgency.WARNING,
            text=_("The books were last compared %(hours)d hours ago: does beat run?")
            % {"hours": (timezone.now() - result.at) // timedelta(hours=1)},
        )
    else:
        yield Concern(
            urgency=Urgency.INFO,
            text=_("The books were right when they were last compared, on %(date)s.")
            % {"date": time_zones.named(result.at)},
        )
