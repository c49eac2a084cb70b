"""Toy requests, and functions that drive an engine through them."""

from typing import Any, TypeVar

from generation.engine.enums import NoiseScheduler
from generation.engine.events import Event, Failed, Finished, Stepped
from generation.engine.loop.engine import Engine
from generation.engine.request import GenerationRequest

Kind = TypeVar("Kind", bound=Event)

TIMEOUT = 120.0


def a_request(**changes: Any) -> GenerationRequest:
    """Return a request that a toy checkpoint fulfils in a moment."""
    values: dict[str, Any] = {
        "prompt": "a red house",
        "checkpoint": "toy",
        "width": 32,
        "height": 32,
        "num_inference_steps": 4,
        "guidance_scale": 5.0,
        "noise_scheduler": NoiseScheduler.DDIM,
        "seed": 7,
    }
    values |= changes
    values["noise_scheduler"] = NoiseScheduler(values["noise_scheduler"])
    return GenerationRequest(**values)


def turn(engine: Engine) -> list[Event]:
    """Wait until there is something to do, and let the engine take one turn."""
    assert engine.wait(TIMEOUT), "the engine has nothing to do"
    return engine.step()


def steps_until(engine: Engine, kind: type[Kind], *, key: str) -> Kind:
    """Take turns until an event of this kind comes for this key; return it."""
    while True:
        for event in turn(engine):
            if isinstance(event, kind) and event.key == key:
                return event


def run_to_the_end(engine: Engine) -> list[Event]:
    """Take turns until nothing is left to do; return all events."""
    events: list[Event] = []
    while engine.wait(0) or engine.has_runs:
        events += turn(engine)
    return events


def of_kind(events: list[Event], kind: type[Kind], *, key: str | None = None) -> list[Kind]:
    """Return the events of this kind, and of this key if one is given."""
    return [
        event for event in events if isinstance(event, kind) and (key is None or event.key == key)
    ]


def the_finished(events: list[Event], *, key: str) -> Finished:
    """Return how this run ended, which must be well."""
    (failed, finished) = of_kind(events, Failed, key=key), of_kind(events, Finished, key=key)
    assert not failed, failed
    assert len(finished) == 1
    return finished[0]


def steps_of(events: list[Event], *, key: str) -> list[int]:
    """Return the numbers of the steps that this run took, in order."""
    return [event.step for event in of_kind(events, Stepped, key=key)]
