"""Cost of keeping the states of runs, their age, and the time until a slot is free; in the engine alone."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from generation.engine import saved_run
from generation.engine.events import Saved, Stepped, Suspended
from generation.engine.loading.loader import Loader
from generation.engine.loop.engine import Engine
from tests.bench.engines import draw, new_key, turn
from tests.bench.figures import Figure, measures
from tests.bench.wishes import wish, wishes

SAVE_SECONDS = 2.0
SLOTS = 4
STEPS = 150
ROUNDS = 5
TRIALS = 40
PERCENTILE = 0.95


def _engine(*, save_interval: float = SAVE_SECONDS) -> Engine:
    engine = Engine(loader=Loader(), save_interval=save_interval)
    draw(engine, [wish(0, num_inference_steps=1)])
    return engine


@measures("resume_overhead")
def resume_overhead() -> Iterator[Figure]:
    """Time of the same pictures with states kept every two seconds, over without, in turns."""
    engines = {True: _engine(), False: _engine(save_interval=float("inf"))}
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for number in range(ROUNDS):
        for saves in (True, False) if number % 2 else (False, True):
            seconds[saves].append(_seconds(engines[saves]))
    value = sum(seconds[True]) / sum(seconds[False])
    yield Figure(name="resume_overhead", value=value, unit="times", goal="<= 1.01")


def _seconds(engine: Engine) -> float:
    """Seconds for a crowd's pictures. States become bytes in another thread, as in a worker."""
    began = time.perf_counter()
    with ThreadPoolExecutor(1) as publisher:
        for request in wishes(SLOTS, num_inference_steps=STEPS):
            engine.submit(request, key=new_key())
        while engine.has_runs or engine.wait(0):
            for event in turn(engine):
                if isinstance(event, Saved):
                    publisher.submit(saved_run.dumps, event.saved)
    return time.perf_counter() - began


@measures("suspend_ms")
def suspend_ms() -> Iterator[Figure]:
    """Milliseconds from the call, between two steps, until the run is out of the engine and bytes."""
    engine = _engine()
    taken = []
    for number in range(TRIALS):
        key = new_key()
        engine.submit(wish(number, num_inference_steps=STEPS), key=key)
        while not any(isinstance(event, Stepped) for event in turn(engine)):
            pass
        began = time.perf_counter()
        engine.suspend(key)
        (event,) = engine.step()
        assert isinstance(event, Suspended)
        assert event.saved
        saved_run.dumps(event.saved)
        taken.append((time.perf_counter() - began) * 1_000)
    yield Figure(name="suspend_ms", value=median(taken), unit="ms", goal="<= 10")


@dataclass
class _Driven:
    """An engine that steps in a thread of its own; `saved_at` and `stepped` are by key."""

    engine: Engine
    saved_at: dict[str, float] = field(default_factory=dict)
    step_seconds: list[float] = field(default_factory=list)
    heard: dict[tuple[str, type], threading.Event] = field(
        default_factory=lambda: defaultdict(threading.Event)
    )

    @contextmanager
    def running(self) -> Iterator[None]:
        is_closed = threading.Event()
        thread = threading.Thread(target=self._run, args=[is_closed])
        thread.start()
        try:
            yield
        finally:
            is_closed.set()
            thread.join()

    def _run(self, is_closed: threading.Event) -> None:
        while not is_closed.is_set():
            self.engine.wait(0.1)
            began = time.perf_counter()
            for event in self.engine.step():
                if isinstance(event, Saved):
                    saved_run.dumps(event.saved)
                    self.saved_at[event.key] = time.perf_counter()
                self.heard[event.key, type(event)].set()
            self.step_seconds.append(time.perf_counter() - began)

    def start(self, number: int) -> str:
        key = new_key()
        self.engine.submit(wish(number, num_inference_steps=STEPS), key=key)
        return key

    def wait_for(self, key: str, kind: type) -> None:
        assert self.heard[key, kind].wait(60), f"no {kind.__name__} of {key}"


@measures("preempt_first_step")
def preempt_first_step() -> Iterator[Figure]:
    """Time from the call for a slot, at any moment, to the first step of the run that gets it, in steps."""
    driven = _Driven(_engine())
    chance = random.Random(1)
    waits = []
    with driven.running():
        running = [driven.start(number) for number in range(SLOTS)]
        for number in range(TRIALS):
            for key in running:
                driven.wait_for(key, Stepped)
            time.sleep(chance.uniform(0, 0.1))
            began = time.perf_counter()
            out = running.pop(0)
            driven.engine.suspend(out)
            running.append(driven.start(number))
            driven.wait_for(running[-1], Stepped)
            waits.append(time.perf_counter() - began)
    step = median(driven.step_seconds)
    yield Figure(name="preempt_first_step", value=median(waits) / step, unit="steps", goal="<= 2")


@measures("resume_lost_seconds")
def resume_lost_seconds() -> Iterator[Figure]:
    """Age of a run's last state at any moment after its first: the loss if the process were killed then."""
    driven = _Driven(_engine())
    chance = random.Random(1)
    lost: list[float] = []
    with driven.running():
        for number in range(TRIALS // SLOTS):
            keys = [driven.start(number * SLOTS + each) for each in range(SLOTS)]
            for key in keys:
                driven.wait_for(key, Saved)
            time.sleep(chance.uniform(0, SAVE_SECONDS))
            lost += [time.perf_counter() - driven.saved_at[key] for key in keys]
            for key in keys:
                driven.engine.cancel(key)
    lost.sort()
    p95 = lost[int(PERCENTILE * (len(lost) - 1))]
    yield Figure(name="resume_lost_seconds_p95", value=p95, unit="s", goal="<= 2")
    yield Figure(name="resume_lost_seconds_most", value=lost[-1], unit="s", goal="<= 3")
