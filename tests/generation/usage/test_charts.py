from datetime import date, timedelta

import pytest

from billing.models import Unit
from generation.usage import charts
from generation.usage.summary import Day, Spent

FIRST = date(2026, 3, 1)


def spent(*amounts, unit=Unit.GPU_MS):
    days = (Day(FIRST + timedelta(days=n), amount, 1) for n, amount in enumerate(amounts))
    return Spent(unit, tuple(days))


def test_every_day_has_its_stretch_in_order():
    chart = charts.chart(spent(1_000, 2_000, 0))

    assert [bar.left for bar in chart.bars] == [0, 100, 200]
    assert chart.width == 300
    assert [bar.amount for bar in chart.bars] == [1_000, 2_000, 0]


def test_heights_are_in_proportion_and_stand_on_the_ground():
    chart = charts.chart(spent(500, 1_000, 2_000))

    assert [bar.height for bar in chart.bars] == [250, 500, 1_000]
    assert all(bar.y + bar.height == charts.HEIGHT for bar in chart.bars)


@pytest.mark.parametrize(
    ("most", "top"),
    [
        (0, 1_000),
        (1, 1_000),
        (1_000, 1_000),
        (1_001, 2_000),
        (41_000, 60_000),
        (11 * 60_000, 20 * 60_000),
        (3_000 * 60_000, 4_000 * 60_000),
    ],
)
def test_the_scale_ends_at_a_round_number(most, top):
    assert charts.chart(spent(most)).marks == (top, top // 2, 0)


@pytest.mark.parametrize(("most", "top"), [(0, 1), (1, 1), (1.5, 2), (41, 100), (399, 400)])
def test_credits_have_round_numbers_of_their_own(most, top):
    chart = charts.chart(spent(int(most * 1_000), unit=Unit.CREDITS))

    assert chart.marks == (top * 1_000, top * 500, 0)


def test_a_little_shows_and_nothing_does_not():
    little, nothing, much = charts.chart(spent(1, 0, 4_000_000)).bars

    assert (little.height, nothing.height) == (charts.LEAST_HEIGHT, 0)
    assert much.height > little.height


def test_more_than_any_scale_does_not_leave_the_picture():
    bar, *_ = charts.chart(spent(10**12)).bars

    assert bar.height <= charts.HEIGHT


def test_the_axis_names_the_first_the_middle_and_the_last_day():
    chart = charts.chart(spent(*range(31)))

    assert chart.days == (FIRST, FIRST + timedelta(days=15), FIRST + timedelta(days=30))
