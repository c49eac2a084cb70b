"""A day's work: many jobs of every kind over more checkpoints than the memory holds."""

import gc
from itertools import cycle, product
from pathlib import Path

import psutil
import pytest

from generation.engine.enums import NoiseScheduler
from generation.engine.events import Failed, Finished
from generation.engine.loading.loader import Loader
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.engine import Engine
from generation.engine.request import GenerationRequest
from tests.engine.cases import VARIANTS, inputs_of, request_for, schedulers_of
from tests.engine.driving import TIMEOUT, turn
from tests.engine.loading.test_loader import load
from tests.engine.toy_checkpoints import TOYS

pytestmark = pytest.mark.filterwarnings("ignore:In CPU autocast:UserWarning")

JOBS = 200
AT_ONCE = 8
IN_A_ROW = 5
CHECKPOINTS = ("toy", "toy-inpaint", "toy-depth", "toy-upscaler", "toy-xl", "toy-sd3")
# Fitting into memory for good, a checkpoint more would take several times as much.
GROWTH_BYTES = 48 * 2**20


def jobs() -> list[GenerationRequest]:
    """Every checkpoint in turn for a few jobs, each in its next mode, with other settings."""
    kinds = {
        id: cycle(
            [
                (mode, variant, noise_scheduler)
                for mode in sorted(TOYS[id].checkpoint.modes)
                for variant, noise_scheduler in product(
                    VARIANTS[mode], schedulers_of(TOYS[id].checkpoint)
                )
                # It cannot start from a picture.
                if noise_scheduler is not NoiseScheduler.LMS
            ]
        )
        for id in CHECKPOINTS
    }
    requests = []
    for number in range(JOBS):
        id = CHECKPOINTS[number // IN_A_ROW % len(CHECKPOINTS)]
        mode, variant, noise_scheduler = next(kinds[id])
        more = {"seed": number, "num_inference_steps": 2 + number % 4}
        requests.append(request_for(id, mode, noise_scheduler, variant, **more))
    return requests


def three_largest(root: Path) -> int:
    """Bytes that the three largest checkpoints take together."""
    sizes = []
    for id in CHECKPOINTS:
        loader = Loader(root)
        sizes.append(load(loader, id, within_s=TIMEOUT).num_bytes)
        loader.close()
    return sum(sorted(sizes)[-3:])


def test_two_hundred_jobs_over_six_checkpoints_in_memory_for_three(checkpoint_root: Path) -> None:
    budget = three_largest(checkpoint_root)
    loader = Loader(checkpoint_root, budget_bytes=budget)
    engine = Engine(loader=loader, batch_limit=BatchLimit(initial=16))
    waiting = dict(enumerate(jobs()))
    finished: set[str] = set()
    present: set[str] = set()
    loads: list[frozenset[str]] = []
    memory: list[int] = []

    while waiting or present:
        while waiting and len(present) < AT_ONCE:
            number, request = waiting.popitem()
            engine.submit(request, key=str(number), inputs=inputs_of(request))
            present.add(str(number))
        for event in turn(engine):
            assert not isinstance(event, Failed), event
            if isinstance(event, Finished):
                present.remove(event.key)
                finished.add(event.key)
                if len(finished) % 50 == 0:
                    gc.collect()
                    memory.append(psutil.Process().memory_info().rss)
        assert loader.num_bytes <= budget
        if not loads or loader.warm != loads[-1]:
            loads.append(loader.warm)
    loader.close()

    assert len(finished) == JOBS
    assert set.union(*map(set, loads)) == set(CHECKPOINTS)
    # Each went and came again.
    assert len(loads) > 2 * len(CHECKPOINTS)
    assert not engine.has_runs
    assert memory[-1] - memory[0] < GROWTH_BYTES
