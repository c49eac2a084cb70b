"""The operator's margin: device time and revenue, by checkpoint and by plan."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce, Least
from django.utils import timezone

from billing.models import Payment
from billing.plans import CREDIT_PACKS, PAY_AS_YOU_GO, PLANS, TOP_UPS, TRIAL
from generation.models import Job, Uptime

HOUR_MS = 3_600_000
# The row of single purchases.
TOP_UP = "top-ups"
NAMES: Mapping[str, Any] = {
    TRIAL.id: TRIAL.name,
    PAY_AS_YOU_GO.id: PAY_AS_YOU_GO.name,
    **{plan.id: plan.name for plan in PLANS.values()},
}


@dataclass(frozen=True, kw_only=True)
class DeviceTime:
    """Device time: `sold_ms` charged by the millisecond, `credits_ms` in credits, `free_ms` not at all."""

    name: str
    jobs: int
    sold_ms: int
    credits_ms: int
    free_ms: int
    # Cents in the installation's currency, less refunds; None in rows by checkpoint.
    revenue: int | None = None

    @property
    def device_ms(self) -> int:
        return self.sold_ms + self.credits_ms + self.free_ms


@dataclass(frozen=True, kw_only=True)
class Margin:
    """The margin of some days. `other_revenue` is by currency, and not part of `revenue`."""

    days: int
    up_ms: int
    checkpoints: tuple[DeviceTime, ...]
    plans: tuple[DeviceTime, ...]
    revenue: int
    other_revenue: Mapping[str, int]

    @property
    def busy_ms(self) -> int:
        return sum(work.device_ms for work in self.checkpoints)

    @property
    def sold_ms(self) -> int:
        return sum(work.sold_ms + work.credits_ms for work in self.checkpoints)

    @property
    def idle_ms(self) -> int:
        """Uptime without a job. The work of lost workers counts as idle."""
        return max(0, self.up_ms - self.busy_ms)

    @property
    def sold_percent(self) -> int:
        """The sold share of the uptime."""
        return 100 * self.sold_ms // self.up_ms if self.up_ms else 0

    @property
    def cost(self) -> int:
        """The cost of the devices in cents, by DEVICE_HOUR_CENTS."""
        return settings.DEVICE_HOUR_CENTS * self.up_ms // HOUR_MS

    @property
    def margin(self) -> int:
        return self.revenue - self.cost


def look(*, days: int) -> Margin:
    """The margin of the last days, including today. Five queries; may take seconds for many jobs."""
    today = timezone.now().date()
    first = today - timedelta(days=days - 1)
    with transaction.atomic():
        _allow_long_statements()
        jobs = Job.objects.filter(finished_at__gte=_midnight(first))
        revenue, others = _revenue(_midnight(first))
        return Margin(
            days=days,
            up_ms=Uptime.objects.filter(day__gte=first).aggregate(ms=Coalesce(Sum("ms"), 0))["ms"],
            checkpoints=tuple(_work(jobs.values("checkpoint"), "checkpoint")),
            plans=tuple(_with_revenue(_work(jobs.values("plan"), "plan"), revenue)),
            revenue=sum(revenue.values()),
            other_revenue=others,
        )


def _allow_long_statements() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '30s'")


def _work(groups: Any, name: str) -> list[DeviceTime]:
    """The sums of each group of jobs."""
    in_credits = Q(unit="credits", charged_credits__gt=0)
    sums = groups.annotate(
        jobs=Count("pk"),
        device=Coalesce(Sum("device_ms"), 0),
        sold=Coalesce(Sum(Least("charged_ms", "device_ms")), 0),
        credits=Coalesce(Sum("device_ms", filter=in_credits), 0),
    ).order_by(name)
    return [
        DeviceTime(
            name=str(row[name]),
            jobs=row["jobs"],
            sold_ms=row["sold"],
            credits_ms=row["credits"],
            free_ms=row["device"] - row["sold"] - row["credits"],
        )
        for row in sums
    ]


def _revenue(since: datetime) -> tuple[Counter[str], dict[str, int]]:
    """Revenue since then: by plan in the installation's currency, and by currency in the others."""
    paid = Payment.objects.filter(status=Payment.Status.PAID, paid_at__gte=since)
    sums = paid.values("product", "currency").annotate(
        kept=Sum(F("cents") - Least(F("cents"), F("refunded_cents") + F("disputed_cents")))
    )
    own: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for row in sums:
        if row["currency"] == settings.CURRENCY:
            own[_plan_of(row["product"])] += row["kept"]
        else:
            others[row["currency"]] += row["kept"]
    return own, dict(others)


def _plan_of(product: str) -> str:
    if product in CREDIT_PACKS:
        return PAY_AS_YOU_GO.id
    return TOP_UP if product in TOP_UPS else product


def _with_revenue(works: Iterable[DeviceTime], revenue: Counter[str]) -> Iterable[DeviceTime]:
    by_name = {work.name: work for work in works}
    for name in [*NAMES, *sorted({*by_name, *revenue} - NAMES.keys())]:
        work = by_name.get(name)
        if work is None and not revenue[name]:
            continue
        yield DeviceTime(
            name=str(NAMES.get(name, name or "—")),
            jobs=work.jobs if work else 0,
            sold_ms=work.sold_ms if work else 0,
            credits_ms=work.credits_ms if work else 0,
            free_ms=work.free_ms if work else 0,
            revenue=revenue[name],
        )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
