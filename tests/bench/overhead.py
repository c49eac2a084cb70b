"""G1: the site's overhead on the time of an image."""

from collections.abc import Iterator
from functools import partial
from math import ceil
from statistics import median

from generation.engine.request import MAX_STEPS, GenerationRequest
from tests.bench.bare import Bare
from tests.bench.figures import Figure, measures
from tests.bench.site import crowd
from tests.bench.trials import interleaved, timed
from tests.bench.wishes import SKETCHBOOK, wish

LONG_SECONDS = 3.5
LONG_ROUNDS = 5
SHORT_ROUNDS = 15


@measures("G1")
def overhead() -> Iterator[Figure]:
    """Measure from the form to the image, with previews, over a bare call and its PNG."""
    bare = Bare(SKETCHBOOK.id)
    person = crowd()[0]
    short = wish(1)
    long = _long(bare)
    with person.watching():
        for request in (short, long):
            person.make(request)
        site, pipeline = interleaved(
            lambda: person.make(long).picture,
            partial(timed, partial(bare.draw_png, long)),
            rounds=LONG_ROUNDS,
        )
        yield Figure(
            name="G1_long", value=median(site) / median(pipeline), unit="times", goal="<= 1.03"
        )
        site, pipeline = interleaved(
            lambda: person.make(short).picture,
            partial(timed, partial(bare.draw_png, short)),
            rounds=SHORT_ROUNDS,
        )
        yield Figure(
            name="G1_short",
            value=(median(site) - median(pipeline)) * 1_000,
            unit="ms added",
            goal="<= 60",
        )


def _long(bare: Bare) -> GenerationRequest:
    """A job that takes a bare pipeline a little over three seconds: large, and of many steps."""
    probe = wish(2, size=SKETCHBOOK.max_size, num_inference_steps=4)
    bare.draw(probe)
    step = timed(partial(bare.draw, probe)) / probe.num_inference_steps
    return wish(
        2,
        size=SKETCHBOOK.max_size,
        num_inference_steps=min(MAX_STEPS, ceil(LONG_SECONDS / step)),
    )
