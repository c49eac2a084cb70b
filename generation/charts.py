"""Bars on a scale that people can read: whole numbers for an SVG, without a drawing library."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count

from generation.usage import Day

# The SVG's own units; the page stretches it to whatever room there is.
HEIGHT = 1_000
DAY_WIDTH = 100
BAR_WIDTH = 70
# A day that took anything shows, even beside one that took a thousand times as much.
LEAST_HEIGHT = 8
_SECOND = 1_000
_MINUTE = 60 * _SECOND


@dataclass(frozen=True)
class Bar:
    """One day; `left` is where its stretch of the axis begins, `x` its bar."""

    day: date
    ms: int
    left: int
    x: int
    y: int
    height: int


@dataclass(frozen=True)
class Chart:
    """`marks` are the values of the lines across, from the top to zero, at equal distances."""

    bars: tuple[Bar, ...]
    width: int
    marks: tuple[int, int, int]

    @property
    def days(self) -> tuple[date, date, date]:
        """The first, the middle and the last."""
        days = [bar.day for bar in self.bars]
        return days[0], days[len(days) // 2], days[-1]


def chart(days: Sequence[Day]) -> Chart:
    """A bar for each of the days, which follow each other."""
    top = _top(max(day.ms for day in days))
    return Chart(
        bars=tuple(_bar(index, day, top=top) for index, day in enumerate(days)),
        width=len(days) * DAY_WIDTH,
        marks=(top, top // 2, 0),
    )


def _bar(index: int, day: Day, *, top: int) -> Bar:
    height = max(LEAST_HEIGHT, day.ms * HEIGHT // top) if day.ms else 0
    left = index * DAY_WIDTH
    return Bar(
        day=day.day,
        ms=day.ms,
        left=left,
        x=left + (DAY_WIDTH - BAR_WIDTH) // 2,
        y=HEIGHT - height,
        height=height,
    )


def _top(ms: int) -> int:
    """The lowest round value that is not below `ms`."""
    return next(top for top in _round_values() if top >= ms)


def _round_values() -> Iterator[int]:
    """What a scale may end at: its half is a round number, too."""
    yield from (n * _SECOND for n in (1, 2, 4, 10, 20, 40))
    yield from (n * 10**zeros * _MINUTE for zeros in count() for n in (1, 2, 4))
