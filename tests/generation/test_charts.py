from datetime import date, timedelta

import pytest

from generation import charts
from generation.usage import Day

FIRST = date(2026, 3, 1)


def days(*values):
    return [Day(FIRST + timedelta(days=n), ms, 1) for n, ms in enumerate(values)]


def test_every_day_has_its_stretch_in_order():
    chart = charts.chart(days(1_000, 2_000, 0))

    assert [bar.left for bar in chart.bars] == [0, 100, 200]
    assert chart.width == 300
    assert [bar.ms for bar in chart.bars] == [1_000, 2_000, 0]


def test_heights_are_in_proportion_and_stand_on_the_ground():
    chart = charts.chart(days(500, 1_000, 2_000))

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
    assert charts.chart(days(most)).marks == (top, top // 2, 0)


def test_a_little_shows_and_nothing_does_not():
    little, nothing, much = charts.chart(days(1, 0, 4_000_000)).bars

    assert (little.height, nothing.height) == (charts.LEAST_HEIGHT, 0)
    assert much.height > little.height


def test_more_than_any_scale_does_not_leave_the_picture():
    bar, *_ = charts.chart(days(10**12)).bars

    assert bar.height <= charts.HEIGHT


def test_the_axis_names_the_first_the_middle_and_the_last_day():
    chart = charts.chart(days(*range(31)))

    assert chart.days == (FIRST, FIRST + timedelta(days=15), FIRST + timedelta(days=30))
