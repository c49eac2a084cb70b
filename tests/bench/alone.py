"""Time of one image alone, compared with a bare pipeline."""

from collections.abc import Iterator
from functools import partial
from statistics import median

from tests.bench.bare import Bare
from tests.bench.engines import draw, warm_engine
from tests.bench.figures import Figure, measures
from tests.bench.trials import interleaved, timed
from tests.bench.wishes import SKETCHBOOK, wish

ROUNDS = 11
STEPS = 20


@measures("alone")
def alone() -> Iterator[Figure]:
    """Seconds for a picture of the sketchbook at its own size and 20 steps."""
    request = wish(0, num_inference_steps=STEPS)
    bare, engine = Bare(SKETCHBOOK.id), warm_engine()
    bare.draw(request)
    draw(engine, [request])
    pipeline, own = interleaved(
        partial(timed, partial(bare.draw, request)),
        partial(timed, partial(draw, engine, [request])),
        rounds=ROUNDS,
    )
    yield Figure(name="alone_pipeline", value=median(pipeline), unit="s", goal="<= 3")
    yield Figure(name="alone_engine", value=median(own), unit="s", goal="<= 3")
    yield Figure(name="alone", value=median(own) / median(pipeline), unit="times", goal="no goal")
