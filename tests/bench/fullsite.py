"""G1, G5 and G6 of checkpoints of full size: on a running site before a GPU."""

from collections.abc import Iterator
from functools import partial
from statistics import median

from tests.bench import fullsize
from tests.bench.bare import Bare
from tests.bench.figures import Figure, measures
from tests.bench.geometry import SD1, SDXL, Geometry, figure, on_gpu
from tests.bench.previews import watched_over_not
from tests.bench.site import crowd
from tests.bench.trials import interleaved, timed

ROUNDS = 7
COST_ROUNDS = 5
# The first picture loads the checkpoint, the second has its steps recorded.
WARM_UPS = 3
PREVIEW_GOALS_MS = {SD1.id: 150, SDXL.id: 250}

_figure = partial(figure, "fullsite")


@measures("fullsite")
def full_site() -> Iterator[Figure]:
    """On a GPU, G1, G5 and G6 of the running site with checkpoints of full size."""
    if not on_gpu():
        return
    for geometry in (SD1, SDXL):
        fullsize.write(geometry.id)
        yield from _waits(geometry)
        cost = watched_over_not(geometry.make, COST_ROUNDS)
        yield _figure(geometry, "G6", cost, "times", "<= 1.01")


def _waits(geometry: Geometry) -> Iterator[Figure]:
    """A user alone on the site, then beside a user with a script."""
    bare = Bare(geometry.id, fullsize.root())
    person, request = crowd()[0], geometry.make(1)
    with person.watching():
        for _ in range(WARM_UPS):
            person.make(request)
            bare.draw_png(request)
        site, pipeline = interleaved(
            lambda: person.make(request),
            partial(timed, partial(bare.draw_png, request)),
            rounds=ROUNDS,
        )
    overhead = median(wait.picture for wait in site) / median(pipeline)
    yield _figure(geometry, "G1", overhead, "times", "<= 1.01")
    preview = 1_000 * median(wait.preview or wait.picture for wait in site)
    yield _figure(geometry, "G5", preview, "ms", f"<= {PREVIEW_GOALS_MS[geometry.id]}")
