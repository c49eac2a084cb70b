"""The CPU time of the team that OpenMP gives a thread, on Linux; of the thread alone elsewhere."""

import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import torch

from generation.engine.loop.computing_threads import ComputingThreads

SECOND = 10**9
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has clocks of threads")


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def in_a_team(work: Callable[[], None], *, size: int = 2) -> None:
    """Call `work` in every thread of the calling thread's team."""
    callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: work())
    ctypes.CDLL(None).GOMP_parallel(callback, None, ctypes.c_uint(size), ctypes.c_uint(0))


def compute(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def average(threads: ComputingThreads, work: Callable[[], None]) -> float:
    """Return the seconds of CPU time that a thread of the team got for `work`."""
    before = threads.read()
    work()
    return threads.average_since(before) / SECOND


@on_linux
def test_the_whole_team_counts() -> None:
    caller = threading.get_ident()

    def work() -> None:
        compute(0.02 if threading.get_ident() == caller else 0.2)

    assert 0.11 <= average(ComputingThreads(), lambda: in_a_team(work)) < 0.2


@on_linux
def test_time_of_one_thread_is_divided_by_their_number() -> None:
    assert 0.1 <= average(ComputingThreads(), lambda: compute(0.2)) < 0.2


@on_linux
def test_a_team_of_another_size_is_found() -> None:
    threads = ComputingThreads()
    average(threads, lambda: compute(0.01))

    torch.set_num_threads(1)

    assert average(threads, lambda: compute(0.1)) >= 0.1


@on_linux
def test_each_thread_has_a_team_of_its_own() -> None:
    threads = ComputingThreads()
    average(threads, lambda: compute(0.01))
    measured = []

    def elsewhere() -> None:
        torch.set_num_threads(2)
        measured.append(average(threads, lambda: in_a_team(lambda: compute(0.1))))

    beside = threading.Thread(target=elsewhere)
    beside.start()
    beside.join()

    assert measured[0] >= 0.1


@on_linux
def test_threads_that_end_meanwhile_leave_the_caller_to_count() -> None:
    torch.set_num_threads(3)
    threads = ComputingThreads()
    before = threads.read()

    # A smaller team ends the third thread; joining it is OpenMP's, and takes a moment.
    in_a_team(lambda: compute(0.1), size=2)
    _wait_until_gone(before.team)

    assert threads.average_since(before) >= SECOND // 10


@on_linux
def test_a_team_that_has_changed_is_found_again() -> None:
    torch.set_num_threads(3)
    threads = ComputingThreads()
    before = threads.read()
    in_a_team(lambda: None, size=2)
    _wait_until_gone(before.team)

    after = threads.read()

    assert len(after.team) == len(before.team)
    assert after.team.keys() != before.team.keys()


def test_elsewhere_the_calling_thread_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    assert average(ComputingThreads(), lambda: compute(0.1)) >= 0.1


@on_linux
def test_another_openmp_than_that_of_torch_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that torch does not use would halve the charge."""

    class Other:
        """An OpenMP whose thread ends once its work is done; torch never computes in it."""

        @staticmethod
        def GOMP_parallel(  # noqa: N802  # the name is OpenMP's
            work: Callable[[None], None], *_: object
        ) -> None:
            work(None)
            threading.Thread(target=_idle, args=[work, is_over], daemon=True).start()
            time.sleep(0.05)

    is_over = threading.Event()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: Other)

    measured = average(ComputingThreads(), lambda: compute(0.1))

    is_over.set()
    assert measured >= 0.1


def _idle(work: Callable[[None], None], is_over: threading.Event) -> None:
    work(None)
    is_over.wait()


def _wait_until_gone(clocks: dict[int, int]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            for clock in clocks:
                time.clock_gettime_ns(clock)
        except OSError:
            return
        time.sleep(0.01)
    pytest.fail("no thread of the team has ended")
