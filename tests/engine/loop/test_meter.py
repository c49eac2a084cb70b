"""Device time is divided without losing or inventing a microsecond."""

import random

import pytest

from generation.engine.loop.meter import split


@pytest.mark.parametrize("seed", range(20))
def test_the_parts_add_up_to_the_total(seed: int) -> None:
    chance = random.Random(seed)
    shares = [chance.randint(1, 10**6) for _ in range(chance.randint(1, 16))]
    total = chance.randint(0, 10**9)

    parts = split(total, shares=shares)

    assert sum(parts) == total
    for part, share in zip(parts, shares, strict=True):
        assert abs(part - total * share / sum(shares)) <= 1


def test_equal_shares_get_equal_parts() -> None:
    assert split(100, shares=[3, 3, 3, 3]) == [25, 25, 25, 25]


def test_twice_the_work_gets_twice_the_time() -> None:
    assert split(90, shares=[1, 2]) == [30, 60]
