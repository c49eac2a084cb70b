"""G2: what it brings that runs share their steps."""

from collections.abc import Iterator
from functools import partial

from tests.bench.bare import Bare
from tests.bench.engines import draw, warm_engine
from tests.bench.figures import Figure, measures
from tests.bench.trials import interleaved, timed
from tests.bench.wishes import SKETCHBOOK, wishes

USERS = 8
ROUNDS = 5
GOALS = {256: 1.4, 64: 2.5}


@measures("G2")
def share8() -> Iterator[Figure]:
    """Pictures a second of 8 jobs at once, over those of 8 calls of a bare pipeline in turn."""
    bare = Bare(SKETCHBOOK.id)
    engine = warm_engine()
    for size, goal in GOALS.items():
        requests = wishes(USERS, size=size)
        bare.draw(requests[0])
        draw(engine, requests)
        in_turn, at_once = interleaved(
            partial(timed, lambda: [bare.draw(request) for request in requests]),  # noqa: B023
            partial(timed, partial(draw, engine, requests)),
            rounds=ROUNDS,
        )
        yield Figure(
            name=f"G2_at_{size}px",
            value=min(in_turn) / min(at_once),
            unit="times",
            goal=f">= {goal}",
        )
