"""An engine with the sketchbook in memory, driven without a site."""

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import count

from generation.engine.checkpoints import catalogue
from generation.engine.events import Event, Failed, Finished
from generation.engine.loading.loader import Loaded, Loader
from generation.engine.loop.engine import Engine
from generation.engine.request import GenerationRequest
from tests.bench.wishes import wish

POLL_SECONDS = 0.001

Make = Callable[..., GenerationRequest]

_numbers = count()


def new_key() -> str:
    """A key that no run of this process had before."""
    return f"run {next(_numbers)}"


def warm_engine(loader: Loader | None = None) -> Engine:
    """An engine whose sketchbook is loaded."""
    engine = Engine(loader=loader or Loader())
    draw(engine, [wish(0, num_inference_steps=1)])
    return engine


def load(loader: Loader, id: str) -> Loaded:
    """Return the checkpoint once it is loaded."""
    while not (loaded := loader.acquire(catalogue.get(id))):
        time.sleep(POLL_SECONDS)
    return loaded


def draw(
    engine: Engine,
    requests: Sequence[GenerationRequest],
    *,
    wants_preview: Callable[[], bool] = lambda: False,
) -> None:
    """Hand all requests to an idle engine at once and return when the last picture is done."""
    waiting = set()
    for request in requests:
        waiting.add(key := new_key())
        engine.submit(request, key=key, wants_preview=wants_preview)
    while waiting:
        waiting -= {event.key for event in turn(engine) if isinstance(event, Finished)}


def end_all(engine: Engine, keys: Iterable[str]) -> None:
    """Cancel these runs and return when the engine has none left."""
    for key in keys:
        engine.cancel(key)
    while engine.has_runs:
        turn(engine)


def turn(engine: Engine) -> list[Event]:
    """Let the engine take one turn, in which no run may fail."""
    engine.wait(1.0)
    events = engine.step()
    assert not (failed := [event for event in events if isinstance(event, Failed)]), failed
    return events
