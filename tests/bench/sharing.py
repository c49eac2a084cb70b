"""G2: the gain of shared steps."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from generation.engine.loading.loader import Loader
from generation.engine.loop.engine import Engine
from generation.engine.request import GenerationRequest
from tests.bench.bare import Bare
from tests.bench.engines import draw, warm_engine
from tests.bench.figures import Figure, measures
from tests.bench.toys import FAMILIES, toy_root, toy_wishes
from tests.bench.trials import interleaved, timed
from tests.bench.wishes import SKETCHBOOK, wishes
from tests.engine.reference import References

USERS = 8
ROUNDS = 5
GOALS = {256: 1.4, 64: 2.5}


@measures("G2")
def share8() -> Iterator[Figure]:
    """Pictures a second of 8 jobs at once, over those of 8 calls of a bare pipeline in turn."""
    bare = Bare(SKETCHBOOK.id)
    engine = warm_engine()
    for size, goal in GOALS.items():
        value = gain(engine, wishes(USERS, size=size), bare.draw)
        yield Figure(name=f"G2_at_{size}px", value=value, unit="times", goal=f">= {goal}")
    references = References(toy_root())
    for family, id in FAMILIES.items():
        value = gain(
            Engine(loader=Loader(toy_root())), toy_wishes(id, USERS), references.first_picture
        )
        yield Figure(name=f"G2_{family}_toy", value=value, unit="times", goal=">= 2.5")


def gain(
    engine: Engine,
    requests: Sequence[GenerationRequest],
    draw_bare: Callable[[GenerationRequest], object],
    *,
    rounds: int = ROUNDS,
) -> float:
    """Time of the calls in turn over the engine's for the same pictures, the best of a few rounds."""
    draw_bare(requests[0])
    draw(engine, requests)
    in_turn, at_once = interleaved(
        partial(timed, lambda: [draw_bare(request) for request in requests]),
        partial(timed, partial(draw, engine, requests)),
        rounds=rounds,
    )
    return min(in_turn) / min(at_once)
