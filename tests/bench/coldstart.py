"""G13: from a worker's start to its first step; and what checkpoints of full size take in time and memory."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

from sdsite.processes import PROJECT
from tests.bench import fullsize
from tests.bench.figures import Figure, measures
from tests.running import ENVIRONMENT

ROUNDS = 5


@measures("G13")
def cold_start() -> Iterator[Figure]:
    """From nothing loaded to the first step, over reading the weights and taking a warm step."""
    starts = [first_step() for _ in range(ROUNDS)]
    yield Figure(name="G13", value=median(map(_ratio, starts)), unit="times", goal="<= 1.5")
    yield Figure(
        name="G13_process",
        value=median(start["imports"] + start["first_step"] for start in starts),
        unit="s from the start of the process",
        goal="most of it imports",
    )


@measures("fullsize")
def full_size() -> Iterator[Figure]:
    """Loading and two steps with random weights in the geometry of the real checkpoints, guidance on."""
    for id, size, precision in (
        ("sd-1.5", 512, None),
        ("sdxl", 1024, "bfloat16"),
    ):
        fullsize.write(id)
        start = first_step(
            root=fullsize.root(),
            precision=precision,
            checkpoint=id,
            size=size,
            num_inference_steps=2,
        )
        name = f"fullsize_{id}"
        yield Figure(name=f"{name}_load", value=start["load"], unit="s", goal="no goal")
        yield Figure(name=f"{name}_step", value=start["warm_step"], unit="s", goal="no goal")
        yield Figure(name=f"{name}_memory", value=start["peak_gib"], unit="GiB", goal="<= 24")
        yield Figure(name=f"{name}_G13", value=_ratio(start), unit="times", goal="<= 1.5")


def first_step(
    *, root: Path | None = None, precision: str | None = None, **wish: object
) -> Mapping[str, float]:
    """What a fresh process needed, as `firststep` says it."""
    asked = {"root": root and str(root), "precision": precision, "wish": wish}
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


def _ratio(start: Mapping[str, float]) -> float:
    return start["first_step"] / (start["read"] + start["warm_step"])
