from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import periods
from billing.periods import Month, Stretch

MINUTE = 60_000
BASIC, PREMIUM = 200 * MINUTE, 2_000 * MINUTE
ANCHOR = datetime(2026, 1, 31, 10, 30, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)


def stretch(gpu_ms: int, start: datetime, end: datetime) -> Stretch:
    return Stretch(gpu_ms=gpu_ms, start=start, end=end)


def nth(number: int) -> datetime:
    return periods.after(ANCHOR, months=number)


def test_a_month_later_is_the_same_day_or_the_months_last() -> None:
    days = [(nth(number).month, nth(number).day) for number in range(5)]

    assert days == [(1, 31), (2, 28), (3, 31), (4, 30), (5, 31)]


def test_a_month_that_was_paid_brings_its_minutes_and_they_last_for_another() -> None:
    assert periods.months([stretch(BASIC, nth(0), nth(1))], anchor=ANCHOR) == [
        Month(gpu_ms=BASIC, starts_at=nth(0), ends_at=nth(1), expires_at=nth(2))
    ]


def test_a_year_is_twelve_months() -> None:
    year = periods.months([stretch(BASIC, nth(0), nth(12))], anchor=ANCHOR)

    assert [month.gpu_ms for month in year] == [BASIC] * 12
    assert [month.starts_at for month in year] == [nth(number) for number in range(12)]
    assert [month.ends_at for month in year] == [nth(number) for number in range(1, 13)]


def test_an_upgrade_in_mid_month_brings_the_difference_for_the_rest_of_it() -> None:
    middle = nth(0) + (nth(1) - nth(0)) / 2

    changed = periods.months(
        [stretch(-BASIC, middle, nth(1)), stretch(PREMIUM, middle, nth(1))], anchor=ANCHOR
    )

    assert changed == [
        Month(gpu_ms=(PREMIUM - BASIC) // 2, starts_at=middle, ends_at=nth(1), expires_at=nth(2))
    ]


def test_an_upgrade_in_mid_year_brings_the_difference_in_every_month_to_come() -> None:
    middle = nth(3) + (nth(4) - nth(3)) / 2

    changed = periods.months(
        [stretch(-BASIC, middle, nth(12)), stretch(PREMIUM, middle, nth(12))], anchor=ANCHOR
    )

    assert [month.gpu_ms for month in changed] == [(PREMIUM - BASIC) // 2] + [PREMIUM - BASIC] * 8
    assert changed[1].starts_at == nth(4)


def test_from_month_to_year_the_rest_of_the_month_is_set_off() -> None:
    now = nth(0) + timedelta(days=7)

    changed = periods.months(
        [
            stretch(-BASIC, now, nth(1)),
            stretch(BASIC, now, periods.after(now, months=12)),
        ],
        anchor=now,
    )

    assert len(changed) == 12
    # 21 of the 28 days until the same day of February were paid for already.
    assert changed[0].gpu_ms == BASIC * 7 // 28
    assert {month.gpu_ms for month in changed[1:]} == {BASIC}


def test_a_credit_alone_brings_nothing() -> None:
    assert periods.months([stretch(-BASIC, nth(0), nth(1))], anchor=ANCHOR) == []


def test_a_bill_from_before_the_anchor_moved_counts_from_its_own_start() -> None:
    moved = ANCHOR + timedelta(days=3)

    (month,) = periods.months([stretch(BASIC, nth(0), nth(0) + timedelta(days=28))], anchor=moved)

    assert month.starts_at == nth(0)
    assert month.gpu_ms == BASIC


@pytest.mark.parametrize("month", periods.months([stretch(BASIC, nth(0), nth(2))], anchor=ANCHOR))
def test_a_month_comes_back_from_json_as_it_was(month: Month) -> None:
    assert Month.from_dict(month.to_dict()) == month


@given(anchor=MOMENTS, first=st.integers(0, 30), count=st.integers(1, 14), cut=st.floats(0, 1))
def test_however_a_bill_is_cut_its_months_join_and_add_up(
    anchor: datetime, first: int, count: int, cut: float
) -> None:
    start = periods.after(anchor, months=first)
    end = periods.after(anchor, months=first + count)
    middle = (start + (end - start) * cut).replace(microsecond=0)

    whole = periods.months([stretch(BASIC, start, end)], anchor=anchor)
    before = periods.months([stretch(BASIC, start, middle)], anchor=anchor)
    rest = periods.months([stretch(BASIC, middle, end)], anchor=anchor)

    assert periods.total(whole) == count * BASIC
    assert 0 <= periods.total(whole) - periods.total(before) - periods.total(rest) <= 1
    assert all(early.ends_at == late.starts_at for early, late in pairwise(whole))
    assert all(month.ends_at < month.expires_at for month in whole)
