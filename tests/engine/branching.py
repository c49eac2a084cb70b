"""Requests that go on from a kept state, and functions that keep one and go on from it."""

from dataclasses import replace
from typing import Any

import pytest

from generation.engine import saved_run
from generation.engine.enums import Mode, NoiseScheduler
from generation.engine.events import Event, Stepped, Suspended
from generation.engine.loading.loader import Loader
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.engine import Engine
from generation.engine.request import GenerationRequest
from generation.engine.saved_run import SavedRun
from tests.engine.cases import digest, inputs_of
from tests.engine.driving import run_to_the_end, steps_until

TOLERANCE = 1e-5
QUARTERS = (0.25, 0.5, 0.75)
# The name that a request has for its origin.
ORIGIN = digest("state")

_CASES: tuple[dict[str, Any], ...] = (
    *({"noise_scheduler": each} for each in NoiseScheduler),
    {"checkpoint": "toy-sd3", "noise_scheduler": "euler"},
    {"checkpoint": "toy-sd3", "noise_scheduler": "heun"},
    {"noise_scheduler": "unipc", "image": digest("image"), "mode": Mode.IMAGE_TO_IMAGE},
    {
        "noise_scheduler": "euler_ancestral",
        "image": digest("image"),
        "mask": digest("mask"),
        "mode": Mode.INPAINT,
    },
    {"checkpoint": "toy-xl", "refiner_share": 0.5, "noise_scheduler": "dpmpp_2m"},
)
# Every noise scheduler and every kind of start, in five steps.
EACH_CASE = pytest.mark.parametrize(
    "settings",
    [{"num_inference_steps": 5, **case} for case in _CASES],
    ids=[" ".join(str(value)[:16] for value in case.values()) for case in _CASES],
)


def an_engine(loader: Loader, **options: Any) -> Engine:
    return Engine(loader=loader, batch_limit=BatchLimit(initial=16), **options)


def submit(engine: Engine, request: GenerationRequest, *, key: str = "run", **options: Any) -> None:
    engine.submit(request, key=key, inputs=inputs_of(request), **options)


def events_of(loader: Loader, request: GenerationRequest, **options: Any) -> list[Event]:
    """Let a new engine run the request to its end."""
    engine = an_engine(loader)
    submit(engine, request, **options)
    return run_to_the_end(engine)


def moved(saved: SavedRun | None) -> SavedRun:
    """Return it as another process reads it."""
    assert saved is not None
    return saved_run.loads(saved_run.dumps(saved))


def suspended_after(
    loader: Loader, request: GenerationRequest, step: int, **options: Any
) -> SavedRun:
    engine = an_engine(loader)
    submit(engine, request, **options)
    while steps_until(engine, Stepped, key="run").step < step:
        pass
    engine.suspend("run")
    return moved(steps_until(engine, Suspended, key="run").saved)


def going_on(request: GenerationRequest, state: SavedRun, **changes: Any) -> GenerationRequest:
    """Return the request that goes on from a state of `request`."""
    named = {"draft_steps": 0, "origin": ORIGIN, "origin_step": state.step}
    return replace(request, **named | changes)
