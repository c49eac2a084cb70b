"""All runs that fit step together; otherwise steps are divided by weight."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import pytest

from generation.engine.loop.batcher import Batcher


@dataclass
class Rows:
    """The same for every batch key; a short pass is as long as any unless it is said."""

    most: int
    shortest: int = 0

    def __call__(self, _batch_key: Hashable) -> int:
        return self.most

    def short_pass(self, _batch_key: Hashable) -> int:
        return self.shortest or self.most


def add(
    batcher: Batcher, key: str, *, weight: int = 1, rows: int = 2, batch_key: str = "a"
) -> None:
    batcher.add(key, batch_key=batch_key, rows=rows, work=rows * 100, weight=weight)


def count_steps(batcher: Batcher, *, turns: int) -> Counter[str]:
    return Counter(key for _ in range(turns) for key in batcher.next_batch())


def test_without_runs_nobody_steps() -> None:
    assert Batcher(max_rows=Rows(8)).next_batch() == []


def test_all_that_fit_step_together() -> None:
    batcher = Batcher(max_rows=Rows(8))
    for key in "abcd":
        add(batcher, key)

    assert sorted(batcher.next_batch()) == ["a", "b", "c", "d"]


def test_different_batch_keys_never_share_a_step() -> None:
    batcher = Batcher(max_rows=Rows(8))
    add(batcher, "small", batch_key="small")
    add(batcher, "large", batch_key="large")

    assert count_steps(batcher, turns=10) == {"small": 5, "large": 5}


def test_a_run_with_more_rows_than_fit_steps_alone() -> None:
    batcher = Batcher(max_rows=Rows(4))
    add(batcher, "large", rows=8)
    add(batcher, "small", rows=2)

    batches = [batcher.next_batch() for _ in range(10)]

    assert ["large"] in batches
    assert all(len(batch) == 1 for batch in batches)


def test_a_removed_run_steps_no_more() -> None:
    batcher = Batcher(max_rows=Rows(8))
    add(batcher, "stays")
    add(batcher, "goes")

    batcher.remove("goes")
    batcher.remove("unknown")

    assert batcher.next_batch() == ["stays"]


@pytest.mark.parametrize("weight", [2, 3, 4])
def test_a_full_device_gives_steps_by_weight(weight: int) -> None:
    batcher = Batcher(max_rows=Rows(4))
    add(batcher, "heavy", weight=weight)
    for index in range(2 * weight):
        add(batcher, f"light {index}")

    steps = count_steps(batcher, turns=3_000)

    lightest = min(steps[f"light {index}"] for index in range(2 * weight))
    assert steps["heavy"] / lightest == pytest.approx(weight, rel=0.02)


def test_weights_hold_between_batch_keys() -> None:
    batcher = Batcher(max_rows=Rows(4))
    add(batcher, "heavy", weight=4, batch_key="a")
    add(batcher, "light", weight=1, batch_key="b")

    steps = count_steps(batcher, turns=1_000)

    assert steps["heavy"] / steps["light"] == pytest.approx(4, rel=0.02)


def test_runs_of_different_sizes_get_equal_work() -> None:
    batcher = Batcher(max_rows=Rows(8))
    batcher.add("small", batch_key="small", rows=2, work=100, weight=1)
    batcher.add("large", batch_key="large", rows=2, work=400, weight=1)

    steps = count_steps(batcher, turns=1_000)

    assert steps["small"] / steps["large"] == pytest.approx(4, rel=0.02)


def test_riding_in_free_rows_costs_nothing_later() -> None:
    batcher = Batcher(max_rows=Rows(16))
    add(batcher, "heavy", weight=100, batch_key="a")
    add(batcher, "rider", batch_key="a")
    add(batcher, "other", batch_key="b")
    count_steps(batcher, turns=500)

    batcher.remove("heavy")
    steps = count_steps(batcher, turns=20)

    assert steps["rider"] >= 8


def test_a_newcomer_steps_at_the_next_turn() -> None:
    batcher = Batcher(max_rows=Rows(4))
    for index in range(10):
        add(batcher, f"run {index}", weight=4)
    count_steps(batcher, turns=57)

    add(batcher, "newcomer")

    assert "newcomer" in batcher.next_batch()


@pytest.mark.parametrize("order", [("large", "small"), ("small", "large")])
def test_a_small_newcomer_waits_for_one_step_of_a_large_one_at_most(order: Sequence[str]) -> None:
    batcher = Batcher(max_rows=Rows(8))
    for key in order:
        work = {"large": 1_600, "small": 100}[key]
        batcher.add(key, batch_key=key, rows=2, work=work, weight=1)

    steps = [batcher.next_batch() for _ in range(3)]

    assert steps.count(["large"]) == 1


def test_the_first_pass_of_a_newcomer_is_short() -> None:
    batcher = Batcher(max_rows=Rows(8, shortest=4))
    for key in "abcd":
        add(batcher, key)
    assert len(batcher.next_batch()) == 4

    add(batcher, "newcomer")
    first, second = batcher.next_batch(), batcher.next_batch()

    assert "newcomer" in first
    assert (len(first), len(second)) == (2, 4)
    # Whom the short pass left out, the next one takes.
    assert {"a", "b", "c", "d"} - set(first) <= set(second)


def test_newcomers_share_their_first_pass() -> None:
    batcher = Batcher(max_rows=Rows(8, shortest=2))
    for key in "abcd":
        add(batcher, key)

    assert sorted(batcher.next_batch()) == ["a", "b", "c", "d"]


def test_short_passes_for_newcomers_change_nobodys_share() -> None:
    batcher = Batcher(max_rows=Rows(8, shortest=4))
    add(batcher, "heavy", weight=2)
    for index in range(6):
        add(batcher, f"light {index}")
    steps: Counter[str] = Counter()

    for newcomer in map("newcomer {}".format, range(50)):
        add(batcher, newcomer)
        while steps[newcomer] < 20:
            steps.update(batcher.next_batch())
        batcher.remove(newcomer)

    light = [steps[f"light {index}"] for index in range(6)]
    assert steps["heavy"] / min(light) == pytest.approx(2, rel=0.05)
    assert max(light) - min(light) <= 2


def test_a_flood_of_newcomers_starves_nobody() -> None:
    batcher = Batcher(max_rows=Rows(4))
    add(batcher, "patient")
    steps = 0

    for turn in range(300):
        for index in range(2):
            add(batcher, f"newcomer {turn} {index}")
        batch = batcher.next_batch()
        steps += "patient" in batch
        for key in batch:
            if key != "patient":
                batcher.remove(key)

    assert steps >= 20
