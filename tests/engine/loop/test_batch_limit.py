"""The cap on rows follows what passes cost on this device."""

from collections.abc import Callable

from generation.engine.loop.batch_limit import MOST_ROWS, BatchLimit

KEY = "one checkpoint at one size"


def run(
    cap: BatchLimit, *, cost: Callable[[int], float], demand: int = 64, passes: int = 200
) -> int:
    """Run passes with as many rows as the cap and the demand allow; return the cap after them."""
    for _ in range(passes):
        rows = min(demand, cap(KEY))
        cap.note(KEY, rows=rows, us=round(cost(rows)))
    return cap(KEY)


def test_where_rows_are_free_the_cap_rises_to_the_most():
    assert run(BatchLimit(), cost=lambda _rows: 10_000) == MOST_ROWS


def test_where_sharing_gains_nothing_the_cap_falls():
    assert run(BatchLimit(), cost=lambda rows: 10_000 * rows) == 2


def test_the_cap_stops_where_the_gain_does():
    def saturating(rows: int) -> float:
        return 10_000 * max(1.0, rows / 8)

    assert run(BatchLimit(), cost=saturating) == 8


def test_without_runs_to_fill_it_the_cap_stays():
    assert run(BatchLimit(first=4), cost=lambda _rows: 10_000, demand=2) == 4


def test_each_batch_key_has_a_cap_of_its_own():
    cap = BatchLimit()

    run(cap, cost=lambda _rows: 10_000)

    assert cap("another") == 4


def test_a_device_that_got_faster_is_tried_again():
    cap = BatchLimit()
    assert run(cap, cost=lambda rows: 10_000 * rows) == 2

    assert run(cap, cost=lambda _rows: 10_000, passes=1_000) == MOST_ROWS


def test_the_first_pass_of_a_size_is_not_held_against_it():
    cap, seen = BatchLimit(), set()

    def warming_up(rows: int) -> float:
        is_first = rows not in seen
        seen.add(rows)
        return 1_000_000 if is_first else 10_000

    assert run(cap, cost=warming_up) == MOST_ROWS


def test_a_short_pass_is_as_short_as_costs_hardly_anything():
    cap = BatchLimit()

    def nearly_linear(rows: int) -> float:
        return 10_000 + 90_000 * rows

    assert run(cap, cost=nearly_linear) > cap.short(KEY) == 2


def test_where_rows_are_free_no_pass_is_short():
    cap = BatchLimit()
    run(cap, cost=lambda _rows: 10_000)

    assert cap.short(KEY) == MOST_ROWS


def test_of_what_nothing_is_known_no_pass_is_short():
    assert BatchLimit().short(KEY) == BatchLimit()(KEY)


def test_a_size_that_never_ran_is_not_waited_for():
    cap = BatchLimit()
    run(cap, cost=lambda rows: 90_000 * rows + 10_000, demand=2)

    assert cap.short(KEY) == 2
