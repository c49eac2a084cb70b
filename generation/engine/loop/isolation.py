"""Isolation: batched work in which a failing item fails no other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch

from generation.engine.failures import FailureCode
from generation.engine.loop.meter import Meter, split

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Completed(Generic[Item, Result]):
    """One item's result, and its share of the device time in microseconds."""

    item: Item
    result: Result
    us: int


@dataclass(kw_only=True)
class BatchResult(Generic[Item, Result]):
    """`us` is all device time spent, including failed tries."""

    completed: list[Completed[Item, Result]] = field(default_factory=list)
    failed: list[tuple[Item, Exception]] = field(default_factory=list)
    us: int = 0


def run_isolated(
    work: Callable[[Sequence[Item]], Sequence[Result]],
    items: Sequence[Item],
    *,
    meter: Meter,
    share: Callable[[Item], int],
) -> BatchResult[Item, Result]:
    """Do the work for all items at once; if it raises, for each half, down to single items.

    A failing item costs the others some time, and a batch too large for the memory is done in parts.
    `work` returns one result an item and must leave nothing half done when it raises.
    """
    result: BatchResult[Item, Result] = BatchResult()
    try:
        with meter.measure() as span:
            results = work(items)
    except Exception as error:  # noqa: BLE001  # any error of the work is the item's
        result.us = span.us
        if len(items) == 1:
            result.failed = [(items[0], error)]
            return result
    else:
        parts = split(span.us, shares=[share(item) for item in items])
        result.us = span.us
        result.completed = [
            Completed(item=item, result=one, us=us)
            for item, one, us in zip(items, results, parts, strict=True)
        ]
        return result
    # Out of the except clause, the error no longer keeps the failed try's tensors alive.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    middle = len(items) // 2
    for half in (items[:middle], items[middle:]):
        _merge(result, run_isolated(work, half, meter=meter, share=share))
    return result


def failure_code(error: Exception) -> FailureCode:
    """Return OUT_OF_MEMORY for errors of either allocator, else ERROR."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return FailureCode.OUT_OF_MEMORY
    if "can't allocate memory" in str(error):  # torch's host allocator has no class for it
        return FailureCode.OUT_OF_MEMORY
    return FailureCode.ERROR


def _merge(result: BatchResult[Item, Result], other: BatchResult[Item, Result]) -> None:
    result.completed += other.completed
    result.failed += other.failed
    result.us += other.us
