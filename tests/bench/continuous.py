"""G3 and G14: an engine that never rests, and one that draws small and large pictures side by side."""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from statistics import median

from generation.engine.engine import Engine, Finished
from generation.engine.request import GenerationRequest
from tests.bench.bare import Bare
from tests.bench.engines import draw, new_key, turn, warm_engine
from tests.bench.figures import Figure, measures
from tests.bench.trials import interleaved, percentile, timed
from tests.bench.wishes import SKETCHBOOK, wish, wishes

USERS = 8
ROUNDS = 5
SMALL, LARGE = 128, 256
# Of each size in the mix.
MIXED = 6
SMALL_STEPS, LARGE_STEPS = 10, 40


@measures("G3")
def pictures_a_minute() -> Iterator[Figure]:
    """Pictures a second of an engine on which 8 jobs always run, over those of one pipeline call for 8 at a time."""
    bare = Bare(SKETCHBOOK.id)
    load = _Load(warm_engine())
    batch = wishes(USERS)
    bare.draw_batch(batch)
    load.finish(2 * USERS)
    static, continuous = interleaved(
        partial(timed, partial(bare.draw_batch, batch)),
        partial(timed, partial(load.finish, USERS)),
        rounds=2 * ROUNDS,
    )
    yield Figure(name="G3", value=median(static) / median(continuous), unit="times", goal=">= 0.95")


class _Load:
    """Jobs that arrive as others leave, so that eight run at any time, each at another step."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._numbers = count()
        for share in range(USERS):
            steps = SKETCHBOOK.num_inference_steps
            self._enter(num_inference_steps=max(1, steps * (share + 1) // USERS))

    def finish(self, pictures: int) -> None:
        """Return once so many more pictures are done."""
        while pictures > 0:
            done = sum(isinstance(event, Finished) for event in turn(self._engine))
            for _ in range(done):
                self._enter()
            pictures -= done

    def _enter(self, **changes: object) -> None:
        self._engine.submit(wish(next(self._numbers), **changes), key=new_key())


@measures("G14")
def mixed_traffic() -> Iterator[Figure]:
    """Small and large pictures at once: what the mix costs, and how long the small ones wait behind the large."""
    engine = warm_engine()
    small = wishes(MIXED, size=SMALL)
    large = wishes(MIXED, size=LARGE)
    for requests in (small, large, small + large):
        draw(engine, requests)
    each, mixed = interleaved(
        lambda: timed(partial(draw, engine, small)) + timed(partial(draw, engine, large)),
        partial(timed, partial(draw, engine, small + large)),
        rounds=ROUNDS,
    )
    yield Figure(
        name="G14_throughput", value=median(each) / median(mixed), unit="times", goal=">= 0.95"
    )
    bare = Bare(SKETCHBOOK.id)
    line = [
        *wishes(MIXED, size=LARGE, num_inference_steps=LARGE_STEPS),
        *wishes(MIXED, size=SMALL, num_inference_steps=SMALL_STEPS),
    ]
    fifo: list[float] = []
    shared: list[float] = []
    for _ in range(ROUNDS):
        fifo += _waits_in_line(bare, line)
        shared += _waits(engine, line)
    yield Figure(
        name="G14_small_p95",
        value=percentile(shared, 95) / percentile(fifo, 95),
        unit="times",
        goal="<= 0.5",
    )


def _waits_in_line(bare: Bare, line: Sequence[GenerationRequest]) -> list[float]:
    """Seconds until each small picture is done where one is drawn after the other, first come, first served."""
    began, waits = time.perf_counter(), []
    for request in line:
        bare.draw(request)
        if request.width == SMALL:
            waits.append(time.perf_counter() - began)
    return waits


def _waits(engine: Engine, line: Sequence[GenerationRequest]) -> list[float]:
    """The same where all are with the engine at once."""
    began, waits = time.perf_counter(), []
    small, waiting = set(), set()
    for request in line:
        waiting.add(key := new_key())
        if request.width == SMALL:
            small.add(key)
        engine.submit(request, key=key)
    while waiting:
        done = {event.key for event in turn(engine) if isinstance(event, Finished)}
        waits += [time.perf_counter() - began] * len(done & small)
        waiting -= done
    return waits
