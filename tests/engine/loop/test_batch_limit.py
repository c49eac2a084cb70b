"""The limit on rows follows what passes cost on this device."""

from collections.abc import Callable

from generation.engine.loop.batch_limit import MAX_ROWS, BatchLimit

KEY = "one checkpoint at one size"


def run(
    limit: BatchLimit, *, cost: Callable[[int], float], demand: int = 64, passes: int = 200
) -> int:
    """Run passes with as many rows as the limit and the demand allow; return the limit after them."""
    for _ in range(passes):
        rows = min(demand, limit(KEY))
        limit.observe(KEY, rows=rows, us=round(cost(rows)))
    return limit(KEY)


def test_where_rows_are_free_the_cap_rises_to_the_most():
    assert run(BatchLimit(), cost=lambda _rows: 10_000) == MAX_ROWS


def test_where_sharing_gains_nothing_the_cap_falls():
    assert run(BatchLimit(), cost=lambda rows: 10_000 * rows) == 2


def test_the_cap_stops_where_the_gain_does():
    def saturating(rows: int) -> float:
        return 10_000 * max(1.0, rows / 8)

    assert run(BatchLimit(), cost=saturating) == 8


def test_without_runs_to_fill_it_the_cap_stays():
    assert run(BatchLimit(initial=4), cost=lambda _rows: 10_000, demand=2) == 4


def test_each_batch_key_has_a_cap_of_its_own():
    limit = BatchLimit()

    run(limit, cost=lambda _rows: 10_000)

    assert limit("another") == 4


def test_a_device_that_got_faster_is_tried_again():
    limit = BatchLimit()
    assert run(limit, cost=lambda rows: 10_000 * rows) == 2

    assert run(limit, cost=lambda _rows: 10_000, passes=1_000) == MAX_ROWS


def test_the_first_pass_of_a_size_is_not_held_against_it():
    limit, seen = BatchLimit(), set()

    def warming_up(rows: int) -> float:
        is_first = rows not in seen
        seen.add(rows)
        return 1_000_000 if is_first else 10_000

    assert run(limit, cost=warming_up) == MAX_ROWS


def test_a_short_pass_is_as_short_as_costs_hardly_anything():
    limit = BatchLimit()

    def nearly_linear(rows: int) -> float:
        return 10_000 + 90_000 * rows

    assert run(limit, cost=nearly_linear) > limit.short_pass(KEY) == 2


def test_where_rows_are_free_no_pass_is_short():
    limit = BatchLimit()
    run(limit, cost=lambda _rows: 10_000)

    assert limit.short_pass(KEY) == MAX_ROWS


def test_of_what_nothing_is_known_no_pass_is_short():
    assert BatchLimit().short_pass(KEY) == BatchLimit()(KEY)


def test_a_size_that_never_ran_is_not_waited_for():
    limit = BatchLimit()
    run(limit, cost=lambda rows: 90_000 * rows + 10_000, demand=2)

    assert limit.short_pass(KEY) == 2


def note(limit: BatchLimit, *, rows: int, us: int, times: int) -> None:
    for _ in range(times):
        limit.observe(KEY, rows=rows, us=us)


def test_a_size_is_judged_after_five_passes_besides_its_first():
    limit = BatchLimit(initial=4)
    note(limit, rows=4, us=1_000, times=5)
    assert limit(KEY) == 4

    note(limit, rows=4, us=1_000, times=1)

    assert limit(KEY) == 8


def test_one_slow_pass_changes_nothing():
    limit = BatchLimit(initial=4)
    note(limit, rows=8, us=8_000, times=6)
    note(limit, rows=4, us=4_400, times=3)

    note(limit, rows=4, us=9_999_999, times=1)
    note(limit, rows=4, us=4_400, times=2)

    # By the median 4 rows cost 1,100 microseconds each, so 8 are cheaper and 16 are tried.
    assert limit(KEY) == 16


def test_a_gain_below_three_percent_is_not_worth_longer_steps():
    def cost(gain: float) -> int:
        limit = BatchLimit(initial=4)
        note(limit, rows=2, us=2 * 1_000, times=6)
        note(limit, rows=4, us=round(4 * 1_000 * (1 - gain)), times=6)
        return limit(KEY)

    # The larger size is left, or the next larger one is tried.
    assert cost(0.02) == 2
    assert cost(0.05) == 8


def test_the_limit_never_exceeds_the_maximum():
    assert BatchLimit(initial=16, maximum=4)(KEY) == 4
    assert run(BatchLimit(initial=2, maximum=4), cost=lambda _rows: 10_000) == 4
    assert run(BatchLimit(initial=1, maximum=1), cost=lambda _rows: 10_000) == 1


def test_odd_numbers_of_rows_count_as_the_next_power_of_two():
    limit = BatchLimit(initial=8)
    note(limit, rows=6, us=6_000, times=6)

    assert limit._profiles[KEY].cost == {8: 1_000}


def test_a_device_that_got_slower_in_large_passes_is_left_at_small_ones():
    limit = BatchLimit()
    assert run(limit, cost=lambda _rows: 10_000) == MAX_ROWS

    assert run(limit, cost=lambda rows: 10_000 * rows**2, passes=1_000) == 2


def test_a_short_pass_is_never_longer_than_the_limit():
    limit = BatchLimit(initial=8, maximum=2)
    note(limit, rows=8, us=80, times=6)

    assert limit.short_pass(KEY) <= limit(KEY) == 2
