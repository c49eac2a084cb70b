"""Meter: device time of a piece of work, and its division among runs."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass
class Span:
    """Device time of one piece of work, in microseconds; set once the work is done."""

    us: int = 0


class Meter:
    """Measures one device's time. Not thread-safe: the engine's loop owns it."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    @contextmanager
    def measure(self) -> Iterator[Span]:
        """Measure the work done inside, until the device has finished it, also if it raises."""
        span = Span()
        measure = self._with_events if self._device.type == "cuda" else self._with_clock
        with measure(span):
            yield span

    @contextmanager
    def _with_events(self, span: Span) -> Iterator[None]:
        start = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        start.record()
        try:
            yield
        finally:
            end.record()
            end.synchronize()
            span.us = int(start.elapsed_time(end) * 1_000)

    @contextmanager
    def _with_clock(self, span: Span) -> Iterator[None]:
        start = time.perf_counter_ns()
        try:
            yield
        finally:
            if self._device.type == "mps":
                torch.mps.synchronize()
            span.us = (time.perf_counter_ns() - start) // 1_000


def split(total_us: int, *, shares: Sequence[int]) -> list[int]:
    """Divide whole microseconds in proportion to the shares; the parts add up to the total."""
    whole = sum(shares)
    parts = []
    done = counted = 0
    for share in shares:
        counted += share
        until = total_us * counted // whole
        parts.append(until - done)
        done = until
    return parts
