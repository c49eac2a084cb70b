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
