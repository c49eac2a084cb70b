"""Import time of a web process, which must not load torch."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from statistics import median

from sdsite.processes import PROJECT
from tests.bench.figures import Figure, measures
from tests.bench.trials import interleaved
from tests.running import ENVIRONMENT

ROUNDS = 5
HEAVY = {"torch", "diffusers", "transformers"}
PROGRAM = """
import sys, time
began = time.perf_counter()
import {module}
print(time.perf_counter() - began, *sys.modules)
"""


@measures("web_import")
def web_import() -> Iterator[Figure]:
    """Measure the import of the site in a fresh process, over the engine's."""
    web, engine = interleaved(
        partial(_seconds, "sdsite.asgi", without=HEAVY),
        partial(_seconds, "generation.engine.loop.engine"),
        rounds=ROUNDS,
    )
    yield Figure(
        name="web_import_seconds",
        value=median(web),
        unit="s",
        goal=f"without {', '.join(sorted(HEAVY))}",
    )
    yield Figure(
        name="web_import_over_engine",
        value=median(web) / median(engine),
        unit="times",
        goal="<= 0.5",
    )


def _seconds(module: str, *, without: set[str] = frozenset()) -> float:
    """Seconds that the import takes; none of `without` may be loaded by it."""
    program = PROGRAM.format(module=module)
    seconds, *modules = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    ).stdout.split()
    assert without.isdisjoint(modules), f"{module} loads {without.intersection(modules)}"
    return float(seconds)
