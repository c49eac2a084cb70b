"""Meter: device time of a piece of work, and its division among runs.

On CUDA, events measure it. On a CPU it is the time that the work got there, not what passed meanwhile: other
programs and other workers on the same cores make a run slower, but not dearer. It is the CPU time of the threads
that compute, over their number. Threads beside them, such as those of jobs and messages, do not count.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from generation.engine.loop.computing_threads import ComputingThreads


@dataclass
class Span:
    """Device time of one piece of work, in microseconds; set once the work is done."""

    us: int = 0


class Meter:
    """Measures one device's time. Not thread-safe: the engine's loop owns it."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._threads = ComputingThreads()
        self._measures = defaultdict(
            lambda: self._with_clock, cuda=self._with_events, cpu=self._with_cpu_time
        )

    @contextmanager
    def measure(self) -> Iterator[Span]:
        """Measure the work done inside, until the device has finished it, also if it raises."""
        span = Span()
        with self._measures[self._device.type](span):
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
    def _with_cpu_time(self, span: Span) -> Iterator[None]:
        start, cpu_start = time.perf_counter_ns(), self._threads.read()
        try:
            yield
        finally:
            cpu_ns = self._threads.average_since(cpu_start)
            # The two clocks tick apart: without the bound, a charge could exceed the time that passed.
            span.us = min(cpu_ns, time.perf_counter_ns() - start) // 1_000

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
