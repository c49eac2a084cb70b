"""Interleaved repetitions, so that other load meets all sides alike."""

import math
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

Result = TypeVar("Result")


def timed(action: Callable[[], object]) -> float:
    """Seconds that the action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def interleaved(*sides: Callable[[], Result], rounds: int) -> list[list[Result]]:
    """Return the results of each side by round. Every other round is reversed, so no side is always first."""
    results: list[list[Result]] = [[] for _ in sides]
    for number in range(rounds):
        for index in range(len(sides))[:: -1 if number % 2 else 1]:
            results[index].append(sides[index]())
    return results


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the values that at least so many percent of them do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]
