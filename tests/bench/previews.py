"""G5 and G6: latency and cost of previews."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from statistics import median

from generation.engine.request import GenerationRequest
from tests.bench.browser import expect
from tests.bench.engines import Make, new_key, warm_engine
from tests.bench.figures import Figure, measures
from tests.bench.people import Person, Wait
from tests.bench.site import crowd, make_at_once, running_site, stored
from tests.bench.trials import interleaved
from tests.bench.wishes import wish, wishes

STEPS = 20
ALONE_ROUNDS = 15
CROWD_ROUNDS = 5
COST_ROUNDS = 12
# Steps of runs whose previews have no viewer; a fraction of a percent is to be told from none.
UNWATCHED_STEPS = 150
UNWATCHED_ROUNDS = 3
NOBODY: frozenset[int] = frozenset()


@measures("G5")
def first_preview() -> Iterator[Figure]:
    """Measure from the form to the first preview, over the same to the image."""
    people = crowd()
    alone: list[Wait] = []
    for _ in range(ALONE_ROUNDS):
        alone += make_at_once(people[:1], [wish(1, num_inference_steps=STEPS)])
    yield Figure(name="G5_alone", value=_share(alone), unit="times", goal="<= 0.20")
    together: list[Wait] = []
    for _ in range(CROWD_ROUNDS):
        together += make_at_once(people, wishes(len(people), num_inference_steps=STEPS))
    yield Figure(name="G5_with_8_users", value=_share(together), unit="times", goal="<= 0.25")


def _share(waits: Sequence[Wait]) -> float:
    """The median. Who saw no preview waited for the picture itself."""
    return median((wait.preview or wait.picture) / wait.picture for wait in waits)


@measures("G6")
def preview_cost() -> Iterator[Figure]:
    """Time for the same pictures with previews over without."""
    make = partial(wish, num_inference_steps=2 * STEPS)
    yield Figure(
        name="G6_watched", value=watched_over_not(make, COST_ROUNDS), unit="times", goal="<= 1.02"
    )
    yield Figure(name="G6_unwatched", value=_unwatched(), unit="times", goal="<= 1.003")


def watched_over_not(make: Make, rounds: int) -> float:
    """The time in which half of the crowd has its pictures while looking on, over the other half's, who don't."""
    people = crowd()
    half = len(people) // 2
    requests = [make(number) for number in range(half)]
    watched, unwatched = interleaved(
        lambda: _seconds_watched(people[:half], requests),
        lambda: _seconds(people[half:], requests),
        rounds=rounds,
    )
    return median(watched) / median(unwatched)


def _seconds_watched(people: Sequence[Person], requests: Sequence[GenerationRequest]) -> float:
    """As `_seconds`, while each person's page is open and takes in all that it is told."""
    with ExitStack() as pages:
        for person in people:
            pages.enter_context(person.looking_on())
        return _seconds(people, requests)


def _seconds(people: Sequence[Person], requests: Sequence[GenerationRequest]) -> float:
    """Seconds until each person's picture is stored. No open page is needed."""
    began = time.perf_counter()
    with ThreadPoolExecutor(len(people)) as threads:
        jobs = list(threads.map(Person.ask_for, people, requests))
    for job in jobs:
        expect(partial(stored, job), running_site(), f"job {job} has no picture", poll_seconds=0.01)
    return time.perf_counter() - began


def _unwatched() -> float:
    """Seconds a step of runs that check each time for viewers, over runs that don't.

    Two engines take turns, step by step: whatever else slows the machine slows both.
    """
    engines = {True: warm_engine(), False: warm_engine()}
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(UNWATCHED_ROUNDS):
        for asks, engine in engines.items():
            terms = {"wants_preview": lambda: 1 in NOBODY} if asks else {}
            for request in wishes(4, num_inference_steps=UNWATCHED_STEPS):
                engine.submit(request, key=new_key(), **terms)
        for _ in range(UNWATCHED_STEPS):
            for asks, engine in engines.items():
                engine.wait(1.0)
                began = time.perf_counter()
                engine.step()
                seconds[asks].append(time.perf_counter() - began)
    return median(seconds[True]) / median(seconds[False])
