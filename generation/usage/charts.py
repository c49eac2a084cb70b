"""Bar charts of usage: integer coordinates for an SVG, on a scale of round values."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import count

from billing.models import Unit
from generation.usage.summary import Day, Spent

# In SVG units; the page scales the drawing.
HEIGHT = 1_000
DAY_WIDTH = 100
BAR_WIDTH = 70
# Keeps a small amount visible beside a large one.
LEAST_HEIGHT = 8
_SECOND = 1_000
_MINUTE = 60 * _SECOND
_CREDIT = 1_000


@dataclass(frozen=True)
class Bar:
    """One day's bar; `left` is the start of the day's stretch of the axis, `x` the bar's."""

    day: date
    amount: int
    left: int
    x: int
    y: int
    height: int


@dataclass(frozen=True)
class Chart:
    """`marks` are the values of the grid lines, from the top to zero, equally spaced."""

    bars: tuple[Bar, ...]
    width: int
    marks: tuple[int, int, int]

    @property
    def days(self) -> tuple[date, date, date]:
        """The first, the middle and the last day."""
        days = [bar.day for bar in self.bars]
        return days[0], days[len(days) // 2], days[-1]


def chart(spent: Spent) -> Chart:
    """A chart with a bar for each day; days must be consecutive."""
    top = _top(spent.most.amount, spent.unit)
    return Chart(
        bars=tuple(_bar(index, day, top=top) for index, day in enumerate(spent.days)),
        width=len(spent.days) * DAY_WIDTH,
        marks=(top, top // 2, 0),
    )


def _bar(index: int, day: Day, *, top: int) -> Bar:
    height = max(LEAST_HEIGHT, day.amount * HEIGHT // top) if day.amount else 0
    left = index * DAY_WIDTH
    return Bar(
        day=day.day,
        amount=day.amount,
        left=left,
        x=left + (DAY_WIDTH - BAR_WIDTH) // 2,
        y=HEIGHT - height,
        height=height,
    )


def _top(amount: int, unit: Unit) -> int:
    """The lowest round value at or above `amount`."""
    values = _round_credits() if unit is Unit.CREDITS else _round_times()
    return next(top for top in values if top >= amount)


# Ends of a scale. Their halves are round as well.


def _round_times() -> Iterator[int]:
    yield from (n * _SECOND for n in (1, 2, 4, 10, 20, 40))
    yield from (n * 10**zeros * _MINUTE for zeros in count() for n in (1, 2, 4))


def _round_credits() -> Iterator[int]:
    yield from (n * 10**zeros * _CREDIT for zeros in count() for n in (1, 2, 4))
