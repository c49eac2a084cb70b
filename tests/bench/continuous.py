"""G3 and G14: an engine under constant load, and one with small and large images side by side."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from statistics import median

from generation.engine.events import Finished
from generation.engine.loop.engine import Engine
from generation.engine.request import GenerationRequest
from tests.bench.bare import Bare
from tests.bench.engines import Make, draw, end_all, new_key, turn, warm_engine
from tests.bench.figures import Figure, measures
from tests.bench.trials import interleaved, percentile, timed
from tests.bench.wishes import SKETCHBOOK, wish, wishes

USERS = 8
SMALL, LARGE = 128, 256
# Of each size in the mix.
MIXED = 6
SMALL_STEPS, LARGE_STEPS = 10, 40


@measures("G3")
def pictures_a_minute() -> Iterator[Figure]:
    """Pictures a second of an engine on which 8 jobs always run, over those of one pipeline call for 8 at a time."""
    load = continuous_and_static(warm_engine(), Bare(SKETCHBOOK.id), wish, users=USERS, rounds=10)
    yield Figure(name="G3", value=load.gain, unit="times", goal=">= 0.95")


@measures("G14")
def mixed_traffic() -> Iterator[Figure]:
    """Small and large pictures at once: throughput over each alone; p95 wait of the small behind the large over FIFO."""
    engine = warm_engine()
    small, large = wishes(MIXED, size=SMALL), wishes(MIXED, size=LARGE)
    value = mixed_over_alone(engine, small, large, rounds=5)
    yield Figure(name="G14_throughput", value=value, unit="times", goal=">= 0.95")
    line = [
        *wishes(MIXED, size=LARGE, num_inference_steps=LARGE_STEPS),
        *wishes(MIXED, size=SMALL, num_inference_steps=SMALL_STEPS),
    ]
    value = shared_wait_over_fifo(engine, Bare(SKETCHBOOK.id), line, small=SMALL, rounds=5)
    yield Figure(name="G14_small_p95", value=value, unit="times", goal="<= 0.5")


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """Seconds for as many pictures as there are users: of jobs that always run, and of one static batch."""

    users: int
    continuous: float
    static: float

    @property
    def gain(self) -> float:
        return self.static / self.continuous

    @property
    def pictures_a_minute(self) -> float:
        return 60 * self.users / self.continuous


def continuous_and_static(
    engine: Engine, bare: Bare, make: Make, *, users: int, rounds: int
) -> Throughput:
    """Compare so many jobs that always run with batches of as many; `make` makes job number n."""
    batch = [make(number) for number in range(users)]
    load = _Load(engine, make, users=users)
    bare.draw_batch(batch)
    load.finish(2 * users)
    static, continuous = interleaved(
        partial(timed, partial(bare.draw_batch, batch)),
        partial(timed, partial(load.finish, users)),
        rounds=rounds,
    )
    load.end()
    return Throughput(users=users, continuous=median(continuous), static=median(static))


class _Load:
    """Jobs that arrive as others leave, so that as many always run, each at another step."""

    def __init__(self, engine: Engine, make: Make, *, users: int) -> None:
        self._engine = engine
        self._make = make
        self._numbers = count()
        self._present: set[str] = set()
        steps = make(0).num_inference_steps
        for share in range(users):
            self._enter(num_inference_steps=max(1, steps * (share + 1) // users))

    def finish(self, pictures: int) -> None:
        """Return once so many more pictures are done."""
        while pictures > 0:
            for event in turn(self._engine):
                if isinstance(event, Finished):
                    self._present.remove(event.key)
                    self._enter()
                    pictures -= 1

    def end(self) -> None:
        """Have all leave."""
        end_all(self._engine, self._present)

    def _enter(self, **changes: object) -> None:
        self._present.add(key := new_key())
        self._engine.submit(self._make(next(self._numbers), **changes), key=key)


def mixed_over_alone(
    engine: Engine,
    small: Sequence[GenerationRequest],
    large: Sequence[GenerationRequest],
    *,
    rounds: int,
) -> float:
    """Time of the small ones and then the large ones, over that of all at once."""
    mix = [*small, *large]
    for requests in (small, large, mix):
        draw(engine, requests)
    each, mixed = interleaved(
        lambda: timed(partial(draw, engine, small)) + timed(partial(draw, engine, large)),
        partial(timed, partial(draw, engine, mix)),
        rounds=rounds,
    )
    return median(each) / median(mixed)


def shared_wait_over_fifo(
    engine: Engine, bare: Bare, line: Sequence[GenerationRequest], *, small: int, rounds: int
) -> float:
    """Measure the 95th percentile of small images behind large ones, over that of first in, first out."""
    fifo: list[float] = []
    shared: list[float] = []
    for _ in range(rounds):
        fifo += _waits_in_line(bare, line, small=small)
        shared += _waits(engine, line, small=small)
    return percentile(shared, 95) / percentile(fifo, 95)


def _waits_in_line(bare: Bare, line: Sequence[GenerationRequest], *, small: int) -> list[float]:
    began, waits = time.perf_counter(), []
    for request in line:
        bare.draw(request)
        if request.width == small:
            waits.append(time.perf_counter() - began)
    return waits


def _waits(engine: Engine, line: Sequence[GenerationRequest], *, small: int) -> list[float]:
    began, waits = time.perf_counter(), []
    sizes = {new_key(): request.width for request in line}
    for key, request in zip(sizes, line, strict=True):
        engine.submit(request, key=key)
    while sizes:
        done = [sizes.pop(event.key) for event in turn(engine) if isinstance(event, Finished)]
        waits += [time.perf_counter() - began] * done.count(small)
    return waits
