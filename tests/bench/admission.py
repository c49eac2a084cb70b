"""G4: time to the first step of a newcomer on a busy device."""

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from generation.engine.events import Event, Finished, Stepped
from generation.engine.loop.engine import Engine
from generation.engine.request import MAX_STEPS
from tests.bench.engines import Make, end_all, new_key, warm_engine
from tests.bench.figures import Figure, measures
from tests.bench.trials import percentile
from tests.bench.wishes import wish

# With the newcomer they fill the engine's rows.
RUNNING = 7
ARRIVALS = 40
# Between two arrivals, so that each meets the same batch.
STEPS_BETWEEN = 6


@measures("G4")
def admission() -> Iterator[Figure]:
    """Measure from arrival to the end of the first step, in step times of the running batch."""
    waits = [arrival.steps for arrival in arrivals(warm_engine(), wish)]
    yield Figure(name="G4_median", value=median(waits), unit="steps", goal="<= 1.5")
    yield Figure(name="G4_p95", value=percentile(waits, 95), unit="steps", goal="<= 2.5")


@dataclass(frozen=True)
class Arrival:
    """A newcomer's wait until its first step was done, and a step of those who ran, in seconds."""

    wait: float
    step: float

    @property
    def steps(self) -> float:
        return self.wait / self.step


def arrivals(engine: Engine, make: Make) -> list[Arrival]:
    """Let newcomers arrive at a full engine, one after another; `make` makes job number n."""
    crowd = _Crowd(engine, make)
    crowd.step(STEPS_BETWEEN)
    arrived = []
    for _ in range(ARRIVALS):
        step = median(crowd.step(STEPS_BETWEEN))
        arrived.append(Arrival(wait=crowd.wait_of_a_newcomer(step), step=step))
    crowd.end()
    return arrived


class _Crowd:
    """Runs that step together all the time: one that finishes is followed by another."""

    def __init__(self, engine: Engine, make: Make) -> None:
        self._engine = engine
        self._make = make
        self._present: set[str] = set()

    def step(self, turns: int) -> list[float]:
        """Seconds per turn, without the turns in which a run joins or leaves."""
        seconds = []
        while len(seconds) < turns:
            is_full = len(self._present) == RUNNING
            self._fill()
            began = time.perf_counter()
            ends = [event for event in self._turn() if isinstance(event, Finished)]
            if is_full and not ends:
                seconds.append(time.perf_counter() - began)
        return seconds

    def wait_of_a_newcomer(self, step_seconds: float) -> float:
        """Seconds from an arrival at any moment of a step to the end of the newcomer's own first."""
        key, arrived = new_key(), []

        def arrive() -> None:
            time.sleep(random.uniform(0, step_seconds))
            arrived.append(time.perf_counter())
            self._engine.submit(self._make(0, num_inference_steps=2), key=key)

        newcomer = threading.Thread(target=arrive)
        newcomer.start()
        while not any(isinstance(event, Stepped) and event.key == key for event in self._turn()):
            self._fill()
        first_step_done = time.perf_counter()
        newcomer.join()
        return first_step_done - arrived[0]

    def end(self) -> None:
        """Have all leave."""
        end_all(self._engine, self._present)

    def _turn(self) -> list[Event]:
        self._engine.wait(1.0)
        events = self._engine.step()
        self._present -= {event.key for event in events if isinstance(event, Finished)}
        return events

    def _fill(self) -> None:
        while len(self._present) < RUNNING:
            key = new_key()
            request = self._make(len(self._present), num_inference_steps=MAX_STEPS)
            self._engine.submit(request, key=key)
            self._present.add(key)
