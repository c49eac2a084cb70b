"""Arithmetic on the months of GPU time that an invoice paid for, counted from the subscription's date."""

import calendar
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Billed time on a plan. `gpu_ms` is a month's amount, below zero for a credit."""

    gpu_ms: int
    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True)
class Month:
    """GPU time of a (part of a) month. Its rest expires one month after its end."""

    gpu_ms: int
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime

    def to_dict(self) -> dict[str, Any]:
        """JSON-compatible; `from_dict` is the inverse."""
        times = ("starts_at", "ends_at", "expires_at")
        return {"gpu_ms": self.gpu_ms, **{name: getattr(self, name).isoformat() for name in times}}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        times = {
            name: datetime.fromisoformat(value) for name, value in data.items() if name != "gpu_ms"
        }
        return cls(gpu_ms=data["gpu_ms"], **times)


def months(stretches: Sequence[Stretch], *, anchor: datetime) -> list[Month]:
    """The months that one invoice pays for, the earliest first.

    Months begin on the day of `anchor`, or on the last day of a month that is too short. A partly
    billed month brings that part; credits for one plan reduce charges for another.
    """
    bought: dict[tuple[datetime, datetime, datetime], int] = defaultdict(int)
    began: dict[tuple[datetime, datetime, datetime], datetime] = {}
    for stretch in stretches:
        for start, end, window in _split(stretch, anchor=_anchor_of(stretch, anchor)):
            bought[window] += stretch.gpu_ms * _seconds(start, end)
            began[window] = min(start, began.get(window, start))
    return [
        Month(gpu_ms=gpu_ms, starts_at=began[window], ends_at=window[1], expires_at=window[2])
        for window in sorted(bought)
        if (gpu_ms := bought[window] // _seconds(*window[:2])) > 0
    ]


def total(months: Iterable[Month]) -> int:
    """The sum of their GPU time."""
    return sum(month.gpu_ms for month in months)


def after(anchor: datetime, *, months: int) -> datetime:
    """The anchor's day and time, `months` later."""
    years, month = divmod(anchor.month - 1 + months, 12)
    year, month = anchor.year + years, month + 1
    day = min(anchor.day, calendar.monthrange(year, month)[1])
    return anchor.replace(year=year, month=month, day=day)


def _split(
    stretch: Stretch, *, anchor: datetime
) -> Iterator[tuple[datetime, datetime, tuple[datetime, datetime, datetime]]]:
    """The stretch's part of each month, with the month: its start, its end, and the end of the next."""
    number = _number_of(stretch.start, anchor)
    start = stretch.start
    while start < stretch.end:
        first, second, third = (after(anchor, months=number + ahead) for ahead in range(3))
        end = min(second, stretch.end)
        yield start, end, (first, second, third)
        start = end
        number += 1


def _anchor_of(stretch: Stretch, anchor: datetime) -> datetime:
    """The subscription's anchor, or the stretch's start if the anchor has moved since the invoice."""
    is_aligned = any(
        after(anchor, months=_number_of(moment, anchor)) == moment
        for moment in (stretch.start, stretch.end)
    )
    return anchor if is_aligned else stretch.start


def _number_of(moment: datetime, anchor: datetime) -> int:
    """The number of whole months from the anchor to the moment."""
    number = (moment.year - anchor.year) * 12 + moment.month - anchor.month
    return number if after(anchor, months=number) <= moment else number - 1


def _seconds(start: datetime, end: datetime) -> int:
    return int((end - start).total_seconds())
