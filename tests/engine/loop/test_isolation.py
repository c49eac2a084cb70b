"""Work for many items survives the failure of one, and its device time is divided."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
import torch

from generation.engine.failures import FailureCode
from generation.engine.loop.isolation import BatchResult, failure_code, run_isolated
from generation.engine.loop.meter import Meter, Span

CPU_METER = Meter(torch.device("cpu"))


def run(
    work: Callable[[Sequence[int]], Sequence[int]], items: Sequence[int]
) -> BatchResult[int, int]:
    return run_isolated(work, items, meter=CPU_METER, share=lambda _: 1)


class Squaring:
    """Work that notes its batches and raises for bad items or batches that are too large."""

    def __init__(self, *, bad: Sequence[int] = (), most: int = 100) -> None:
        self.batches: list[list[int]] = []
        self._bad = set(bad)
        self._most = most

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        if len(items) > self._most:
            raise torch.OutOfMemoryError("too many")
        if found := self._bad & set(items):
            raise ValueError(f"bad: {sorted(found)}")
        return [item * item for item in items]


def test_work_that_succeeds_is_done_once_for_all() -> None:
    squaring = Squaring()

    result = run(squaring, [1, 2, 3])

    assert [(one.item, one.result) for one in result.completed] == [(1, 1), (2, 4), (3, 9)]
    assert result.failed == []
    assert squaring.batches == [[1, 2, 3]]


@pytest.mark.parametrize("bad", range(7))
def test_one_bad_item_fails_alone_and_its_mates_keep_their_order(bad: int) -> None:
    result = run(Squaring(bad=[bad]), range(7))

    assert [one.item for one in result.completed] == [item for item in range(7) if item != bad]
    assert [(item, str(error)) for item, error in result.failed] == [(bad, f"bad: [{bad}]")]


def test_each_bad_item_has_its_own_error() -> None:
    result = run(Squaring(bad=[1, 2, 5]), range(6))

    assert [one.item for one in result.completed] == [0, 3, 4]
    assert {item: str(error) for item, error in result.failed} == {
        1: "bad: [1]",
        2: "bad: [2]",
        5: "bad: [5]",
    }


def test_a_batch_too_large_for_the_memory_is_halved_until_it_fits() -> None:
    squaring = Squaring(most=2)

    result = run(squaring, range(8))

    assert [len(batch) for batch in squaring.batches] == [8, 4, 2, 2, 4, 2, 2]
    assert len(result.completed) == 8


def test_a_single_item_is_not_tried_again() -> None:
    squaring = Squaring(bad=[7])

    result = run(squaring, [7])

    assert squaring.batches == [[7]]
    assert len(result.failed) == 1


class SteppingClock(Meter):
    """A meter by which every measured piece of work takes 100 microseconds."""

    def __init__(self) -> None:
        super().__init__(torch.device("cpu"))

    @contextmanager
    def measure(self) -> Iterator[Span]:
        yield Span(us=100)


def test_device_time_is_divided_by_share_and_failed_tries_are_in_the_total_only() -> None:
    result = run_isolated(
        Squaring(bad=[3]), [1, 2, 3, 4], meter=SteppingClock(), share=lambda item: item
    )

    # The whole, both halves, and both quarters of the second half.
    assert result.us == 500
    assert {one.item: one.us for one in result.completed} == {1: 33, 2: 67, 4: 100}


def test_an_exit_of_the_process_is_no_items_failure() -> None:
    def leave(_items: Sequence[int]) -> list[int]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(leave, [1, 2])


def test_work_that_loses_an_item_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        run(lambda items: items[1:], [1, 2])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), FailureCode.OUT_OF_MEMORY),
        (torch.OutOfMemoryError("CUDA out of memory"), FailureCode.OUT_OF_MEMORY),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: 8 bytes"),
            FailureCode.OUT_OF_MEMORY,
        ),
        (RuntimeError("shapes do not match"), FailureCode.ERROR),
        (ValueError("memory"), FailureCode.ERROR),
    ],
)
def test_errors_of_memory_are_told_from_others(error: Exception, code: FailureCode) -> None:
    assert failure_code(error) is code
