"""G13: time from a worker's start to its first step."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

from sdsite.processes import PROJECT
from tests.bench.figures import Figure, measures
from tests.running import ENVIRONMENT

ROUNDS = 5


@measures("G13")
def cold_start() -> Iterator[Figure]:
    """Measure the time to the first step, over reading the weights and one warm step."""
    starts = [first_step() for _ in range(ROUNDS)]
    yield Figure(name="G13", value=median(map(ratio, starts)), unit="times", goal="<= 1.5")
    yield Figure(
        name="G13_process",
        value=median(start["imports"] + start["first_step"] for start in starts),
        unit="s from the start of the process",
        goal="most of it imports",
    )


def first_step(*, root: Path | None = None, **wish: object) -> Mapping[str, float]:
    """Return the time of a fresh process, as `firststep` reports it."""
    asked = {"root": root and str(root), "wish": wish}
    answer = subprocess.run(
        [sys.executable, "-m", "tests.bench.firststep", json.dumps(asked)],
        cwd=PROJECT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    ).stdout
    seconds: Mapping[str, float] = json.loads(answer.splitlines()[-1])
    return seconds


def ratio(start: Mapping[str, float]) -> float:
    """First step over reading the weights and a warm step."""
    return start["first_step"] / (start["read"] + start["warm_step"])
