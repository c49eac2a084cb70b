"""Delays of running steps by the engine's other work: loading, encoding, decoding."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from generation.engine.checkpoints import catalogue
from generation.engine.events import Finished, Loading, Stepped
from generation.engine.loading.loader import Loader
from generation.engine.loop.engine import Engine
from tests.bench.engines import new_key, warm_engine
from tests.bench.figures import Figure, measures
from tests.bench.wishes import SKETCHBOOK, wishes

# As many strangers as regulars: four come, and four pictures are due, at once.
REGULARS = STRANGERS = 4
STEPS = 50
STRANGERS_STEPS = 5
# Names under which the loader finds the sketchbook's files once more.
OTHERS = ("sd-1.1", "sd-1.2", "sd-1.3")


@measures("holdup")
def holdup() -> Iterator[Figure]:
    """Gaps between the steps of runs while strangers come, go and load, less those of runs left alone."""
    calm: list[float] = []
    lively: list[float] = []
    loading: list[float] = []
    with tempfile.TemporaryDirectory(prefix="sdsite-bench-") as folder:
        for other in OTHERS:
            (Path(folder) / other).symlink_to(catalogue.folder(SKETCHBOOK, None))
        company = _Company(warm_engine(Loader(Path(folder))))
        for other in OTHERS:
            calm += company.gaps(strangers_steps=STEPS, watched=False)
            lively += company.gaps(strangers_steps=STRANGERS_STEPS)
            loading += company.gaps(strangers_steps=STRANGERS_STEPS, load=other)
    step = median(calm)
    for name, gap, goal in (
        ("holdup_median", median(lively), "<= 0.1"),
        ("holdup_longest", max(lively), "<= 1.5"),
        ("holdup_longest_while_loading", max(loading), "<= 2.5"),
    ):
        yield Figure(name=name, value=gap / step - 1, unit="steps", goal=goal)


class _Company:
    """Regulars, whose gaps count, and as many strangers beside them on one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def gaps(
        self, *, strangers_steps: int, watched: bool = True, load: str | None = None
    ) -> list[float]:
        """Seconds between the regulars' steps; strangers who leave are followed by others.

        `load` is another checkpoint, which begins to load with the first step.
        """
        gaps: list[float] = []
        regulars = self._enter(REGULARS, steps=STEPS, watched=watched)
        strangers: set[str] = set()
        if load:
            self._enter(1, steps=1, watched=False, checkpoint=load, size=256)
        stepped_at = None
        while self._engine.has_runs or self._engine.wait(0):
            if regulars and not strangers:
                strangers = self._enter(STRANGERS, steps=strangers_steps, watched=watched)
            self._engine.wait(1.0)
            events = self._engine.step()
            now = time.perf_counter()
            if any(isinstance(e, Stepped) and e.key in regulars and e.step < STEPS for e in events):
                if stepped_at is not None:
                    gaps.append(now - stepped_at)
                stepped_at = now
            for event in events:
                if isinstance(event, Loading):
                    self._engine.cancel(event.key)
                elif isinstance(event, Finished):
                    regulars.discard(event.key)
                    strangers.discard(event.key)
        return gaps

    def _enter(self, count: int, *, steps: int, watched: bool, **changes: object) -> set[str]:
        requests = {new_key(): wish for wish in wishes(count, num_inference_steps=steps, **changes)}
        for key, request in requests.items():
            self._engine.submit(request, key=key, wants_preview=lambda: watched)
        return set(requests)
