"""Budgets of API keys: the only writer of KeyDay.

Call every verb in a transaction that has locked the wallet of the key's owner, so that the second of two
requests sees the first. A job counts with its price from its submission and with its charge from its end,
always on the day of its submission.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import partial

from django.db.models import F, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import outbox
from accounts.models import ApiKey, Window
from generation import emails
from generation.models import Job
from generation.models.api import KeyDay

# In percent of a budget, the highest first: a job that passes two causes one email.
THRESHOLDS = (95, 80, 50)


class OverBudget(Exception):
    """The key's budget has `left`, less than the request's price. Nothing was written."""

    def __init__(self, *, left: int) -> None:
        super().__init__(_("The budget of this key does not cover this."))
        self.left = left


def take(key: ApiKey, job: Job) -> None:
    """Count a new job against the key's budget, and email its owner at a threshold. Raises OverBudget."""
    today, price = _day_of(job.queued_at), job.price
    if key.budget is not None:
        before = spent(key, on=today)
        if before + price > key.budget:
            raise OverBudget(left=max(0, key.budget - before))
        _tell(key, before=before, after=before + price, on=today)
    day, _is_new = KeyDay.objects.get_or_create(api_key=key, day=today)
    KeyDay.objects.filter(pk=day.pk).update(spent=F("spent") + price)


def settle(job: Job, *, charged: int) -> None:
    """Return the difference between an ending job's price and its charge to the key's budget."""
    if job.api_key_id is None or charged == job.price:
        return
    day = KeyDay.objects.filter(api_key=job.api_key_id, day=_day_of(job.queued_at))
    day.update(spent=F("spent") - (job.price - charged))


def spent(key: ApiKey, *, on: date | None = None) -> int:
    """The amount that counts against the key's budget in the window of today, or of `on`. One query."""
    today = on or _day_of(timezone.now())
    days = KeyDay.objects.filter(api_key=key, day__gte=Window(key.window).start(today))
    total: int = days.aggregate(sum=Sum("spent"))["sum"] or 0
    return total


def with_spent(keys: Iterable[ApiKey]) -> list[ApiKey]:
    """The keys, each with `spent` as an attribute. One query more."""
    found, today = list(keys), _day_of(timezone.now())
    sums = dict.fromkeys((key.pk for key in found), 0)
    starts = {key.pk: Window(key.window).start(today) for key in found}
    days = KeyDay.objects.filter(api_key__in=found, day__gte=min(starts.values(), default=today))
    for day in days:
        if day.day >= starts[day.api_key_id]:
            sums[day.api_key_id] += day.spent
    for key in found:
        key.spent = sums[key.pk]  # type: ignore[attr-defined]  # for a template
    return found


def _day_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _tell(key: ApiKey, *, before: int, after: int, on: date) -> None:
    """Email the owner once per window and threshold, whatever the budget gets back in between."""
    assert key.budget, "a price is above zero, and within it"
    for percent in THRESHOLDS:
        at = key.budget * percent
        if 100 * before < at <= 100 * after:
            email = partial(emails.budget_used, key=key, percent=percent, spent=after)
            start = Window(key.window).start(on)
            outbox.send_once(email, user=key.user, key=f"key:{key.pk}:{start}:{percent}")
            return
