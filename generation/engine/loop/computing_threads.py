"""CPU time of the threads that compute for the calling thread: itself, and the team that OpenMP gave it.

OpenMP keeps a team for each thread that computes, so the teams of loaders and of other threads are not in it.
Linux has a clock for each thread, which any thread of the process may read. Elsewhere, or if torch has an OpenMP
of another kind, the calling thread stands for its team.
"""

import ctypes
import sys
import threading
import time
from dataclasses import dataclass

import torch

# Torch gives a thread of the team no fewer elements than this (at::internal::GRAIN_SIZE).
GRAIN_SIZE = 32_768


@dataclass(frozen=True)
class Reading:
    """CPU time so far, in nanoseconds: of the calling thread, and of each of its team by the clock's id."""

    own: int
    team: dict[int, int]


class ComputingThreads:
    """The calling thread and its team. Not thread-safe: one thread at a time reads it."""

    def __init__(self) -> None:
        self._belongs_to: tuple[int, int] | None = None
        self._clocks: list[int] = []

    def read(self) -> Reading:
        """Read every clock, after finding the team if it is not known."""
        belongs_to = threading.get_ident(), torch.get_num_threads()
        if self._belongs_to != belongs_to:
            self._clocks = _find_clocks()
            self._belongs_to = belongs_to
        try:
            return self._read()
        except OSError:
            # A thread of the team has ended since: OpenMP ends those that a smaller team has no use for.
            self._clocks = _find_clocks()
            return self._read()

    def average_since(self, before: Reading) -> int:
        """Return the nanoseconds of CPU time that a thread of the team got since then, on average."""
        own = time.thread_time_ns() - before.own
        try:
            now = {clock: time.clock_gettime_ns(clock) for clock in before.team}
        except OSError:
            self._belongs_to = None
            return own
        if not now:
            return own
        return sum(now[clock] - before.team[clock] for clock in now) // len(now)

    def _read(self) -> Reading:
        team = {clock: time.clock_gettime_ns(clock) for clock in self._clocks}
        return Reading(own=time.thread_time_ns(), team=team)


def _find_clocks() -> list[int]:
    """Return the clocks of the calling thread's team, itself included, or none if they can't be had."""
    clocks = _team_clocks(torch.get_num_threads())
    return clocks if _all_work_for_torch(clocks) else []


def _team_clocks(size: int) -> list[int]:
    if sys.platform != "linux":
        return []
    clocks: list[int] = []

    def note_clock(_: object) -> None:
        clocks.append(time.pthread_getcpuclockid(threading.get_ident()))

    try:
        start_team = ctypes.CDLL(None).GOMP_parallel
    except AttributeError:
        return []
    callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(note_clock)
    start_team(callback, None, ctypes.c_uint(size), ctypes.c_uint(0))
    return clocks


def _all_work_for_torch(clocks: list[int]) -> bool:
    """Return True if each clock moves while torch computes: a process may hold a second OpenMP."""
    numbers = torch.ones(2 * GRAIN_SIZE * torch.get_num_threads())
    before = [time.clock_gettime_ns(clock) for clock in clocks]
    numbers.exp_()
    return all(
        time.clock_gettime_ns(clock) > was for clock, was in zip(clocks, before, strict=True)
    )
