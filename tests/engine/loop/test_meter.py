"""Device time is divided without losing or inventing a microsecond."""

import random
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import torch

from generation.engine.loop.meter import Meter, split

CPU = torch.device("cpu")


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


def test_a_share_of_nothing_costs_nothing() -> None:
    assert split(7, shares=[0, 1, 0]) == [0, 7, 0]


def work(*, seconds: float = 0.02) -> None:
    """Compute for this long by the thread's own CPU clock."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch computes in the calling thread alone."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_the_time_inside_is_measured_in_microseconds() -> None:
    with Meter(CPU).measure() as span:
        assert span.us == 0
        work(seconds=0.02)

    assert 20_000 <= span.us < 20_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has clocks of threads")
def test_time_is_divided_by_the_number_of_computing_threads(one_thread: None) -> None:
    torch.set_num_threads(2)

    with Meter(CPU).measure() as span:
        work(seconds=0.2)

    assert 100_000 <= span.us < 200_000


def test_time_that_the_work_did_not_get_is_not_measured() -> None:
    with Meter(CPU).measure() as span:
        time.sleep(0.2)

    assert span.us < 100_000


def test_the_work_of_other_threads_is_not_measured() -> None:
    done = threading.Event()

    def work_beside() -> None:
        work(seconds=0.2)
        done.set()

    beside = threading.Thread(target=work_beside)
    with Meter(CPU).measure() as span:
        beside.start()
        assert done.wait(60)

    beside.join()
    assert span.us < 100_000


@pytest.mark.usefixtures("one_thread")
def test_no_more_is_measured_than_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    # The work takes as long as it takes, and the clock on the wall says 7 microseconds.
    monkeypatch.setattr(time, "perf_counter_ns", iter([0, 7_000]).__next__)

    with Meter(CPU).measure() as span:
        work(seconds=0.01)

    assert span.us == 7


@pytest.mark.usefixtures("one_thread")
def test_work_that_raises_is_measured_too() -> None:
    spans = []

    def fail() -> None:
        with Meter(CPU).measure() as span:
            spans.append(span)
            work(seconds=0.01)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()

    assert spans[0].us >= 10_000


@pytest.mark.usefixtures("one_thread")
def test_each_measurement_is_its_own() -> None:
    meter = Meter(CPU)
    with meter.measure() as first:
        work(seconds=0.01)

    with meter.measure() as second:
        pass

    assert second.us < first.us
