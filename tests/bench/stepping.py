"""Time of a denoising step on a GPU, by optimization."""

from collections.abc import Iterator
from contextlib import closing
from statistics import median

import torch

from generation.engine.diffusion.families.pipeline import Pipeline
from generation.engine.loading.loader import Loader
from generation.engine.loading.optimizations import Optimizations
from generation.engine.request import MAX_STEPS
from tests.bench import fullsize
from tests.bench.engines import load
from tests.bench.figures import Figure, measures
from tests.bench.geometry import GPU_OPTIMIZATIONS, SD1, SD3, SDXL, Geometry, on_gpu
from tests.bench.trials import timed

OPTIMIZATIONS = {
    "plain": Optimizations(cuda_graphs=False),
    "recorded": Optimizations(),
    "compiled": GPU_OPTIMIZATIONS,
}
ROWS = (2, 4, 8, 16)
WARM_UP_STEPS = 3
TIMED_STEPS = 8


@measures("fullstep")
def full_step() -> Iterator[Figure]:
    """On a GPU, a guided step by rows: operation by operation, recorded as a graph, and compiled besides."""
    if not on_gpu():
        return
    for geometry in (SD1, SDXL, SD3):
        fullsize.write(geometry.id)
        for name, optimizations in OPTIMIZATIONS.items():
            with closing(Loader(fullsize.root(), optimizations=optimizations)) as loader:
                pipeline = load(loader, geometry.id).pipeline
                for rows in ROWS:
                    yield Figure(
                        name=f"fullstep_{geometry.id}_{name}_{rows}rows",
                        value=1_000 * _step_seconds(pipeline, geometry, rows=rows),
                        unit="ms",
                        goal="no goal",
                    )


@torch.inference_mode()
def _step_seconds(pipeline: Pipeline, geometry: Geometry, *, rows: int) -> float:
    """Seconds of a step that as many guided jobs share as make so many rows."""
    requests = [geometry.make(number, num_inference_steps=MAX_STEPS) for number in range(rows // 2)]
    runs = [
        pipeline.prepare(request, conditioning, {})
        for request, conditioning in zip(requests, pipeline.encode(requests), strict=True)
    ]

    def step() -> None:
        for run, prediction in zip(runs, pipeline.denoise(runs), strict=True):
            run.advance(prediction)
        torch.cuda.synchronize()

    for _ in range(WARM_UP_STEPS):
        step()
    return median(timed(step) for _ in range(TIMED_STEPS))
