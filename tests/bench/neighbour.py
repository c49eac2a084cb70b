"""The charge of a fixed job with busy programs on the same cores, over its charge without them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from generation.engine.events import Finished
from generation.engine.loop.engine import Engine
from tests.bench.engines import new_key, turn, warm_engine
from tests.bench.figures import Figure, measures
from tests.bench.wishes import wish

# A round takes seconds, in which other load comes and goes: the median needs many.
ROUNDS = 15
STEPS = 10
BUSY = "while True: pass"


@measures("meter_neighbour")
def meter_neighbour() -> Iterator[Figure]:
    """The median of several rounds, each with and without a neighbor for every core."""
    engine = warm_engine()
    _charge(engine)
    rounds = []
    for number in range(ROUNDS):
        with_neighbors, alone = _in_both_ways(engine, neighbors_first=number % 2 == 0)
        rounds.append(with_neighbors / alone)
    yield Figure(name="meter_neighbour", value=median(rounds), unit="times", goal="0.9 to 1.1")


def _in_both_ways(engine: Engine, *, neighbors_first: bool) -> tuple[int, int]:
    """Return the charges with neighbors and without; the order alternates, as other load may drift."""
    if neighbors_first:
        with _busy_cores():
            charged = _charge(engine)
        return charged, _charge(engine)
    alone = _charge(engine)
    with _busy_cores():
        return _charge(engine), alone


def _charge(engine: Engine) -> int:
    """Return the microseconds that one job is billed."""
    engine.submit(wish(0, num_inference_steps=STEPS), key=new_key())
    while True:
        for event in turn(engine):
            if isinstance(event, Finished):
                return sum(charge.us for charge in event.charges if charge.billed)


@contextmanager
def _busy_cores() -> Iterator[None]:
    """Keep every core busy with another program."""
    cores = os.cpu_count() or 1
    programs = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(cores)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()
