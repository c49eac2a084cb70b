"""A run that is taken out after any step goes on elsewhere to the same image, bit for bit, and pays once."""

import hashlib
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch

from generation.engine import saved_run
from generation.engine.charges import Charge
from generation.engine.diffusion.run_state import UnusableState
from generation.engine.enums import Mode, NoiseScheduler
from generation.engine.events import Event, Loading, Saved, Stepped, Suspended
from generation.engine.loading.loader import Loader
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.engine import Engine
from generation.engine.request import GenerationRequest
from generation.engine.saved_run import SavedRun
from tests.engine.cases import digest, inputs_of
from tests.engine.driving import (
    a_request,
    of_kind,
    run_to_the_end,
    steps_of,
    steps_until,
    the_finished,
    turn,
)

STEPS = 5


def an_engine(loader: Loader, **options: Any) -> Engine:
    return Engine(loader=loader, batch_limit=BatchLimit(initial=16), **options)


def submit(engine: Engine, request: GenerationRequest, **options: Any) -> None:
    engine.submit(request, key="run", inputs=inputs_of(request), **options)


def suspend(engine: Engine) -> SavedRun | None:
    engine.suspend("run")
    return steps_until(engine, Suspended, key="run").saved


def suspended_after(loader: Loader, request: GenerationRequest, step: int) -> SavedRun:
    engine = an_engine(loader)
    submit(engine, request)
    while steps_until(engine, Stepped, key="run").step < step:
        pass
    return moved(suspend(engine))


def moved(saved: SavedRun | None) -> SavedRun:
    """Return it as another process reads it."""
    assert saved is not None
    return saved_run.loads(saved_run.dumps(saved))


def finished(events: list[Event]) -> tuple[list[bytes], tuple[Charge, ...]]:
    end = the_finished(events, key="run")
    return [image.tobytes() for image in end.images], end.charges


def alone(loader: Loader, request: GenerationRequest) -> list[bytes]:
    engine = an_engine(loader)
    submit(engine, request)
    return finished(run_to_the_end(engine))[0]


CASES: tuple[dict[str, Any], ...] = (
    *({"noise_scheduler": each, "num_images": 2} for each in NoiseScheduler),
    {"checkpoint": "toy-sd3", "noise_scheduler": "euler"},
    {"checkpoint": "toy-sd3", "noise_scheduler": "heun"},
    {"noise_scheduler": "euler_ancestral", "eta": 0.5},
    {"prompt": "[a house:a tree:0.5]"},
    {"image": digest("image"), "mode": Mode.IMAGE_TO_IMAGE, "noise_scheduler": "unipc"},
    {
        "image": digest("image"),
        "mask": digest("mask"),
        "mode": Mode.INPAINT,
        "noise_scheduler": "euler_ancestral",
    },
    {"checkpoint": "toy-xl", "refiner_share": 0.5, "noise_scheduler": "dpmpp_2m"},
)


@pytest.mark.parametrize(
    "settings", CASES, ids=lambda each: " ".join(str(value)[:16] for value in each.values())
)
def test_a_run_that_moves_after_every_step_ends_bit_for_bit_the_same(
    loader: Loader, settings: dict[str, Any]
) -> None:
    request = a_request(num_inference_steps=STEPS, **settings)
    saved = None
    for step in range(1, request.evaluations):
        engine = an_engine(loader)
        submit(engine, request, saved=saved)
        assert steps_until(engine, Stepped, key="run").step == step
        saved = moved(suspend(engine))
        assert saved.step == step
        assert not engine.has_runs
    engine = an_engine(loader)
    submit(engine, request, saved=saved)

    images, charges = finished(run_to_the_end(engine))

    assert images == alone(loader, request)
    billed = Counter((each.phase, each.index) for each in charges if each.billed)
    assert billed.pop(("encode", None)) == 1 + bool(request.refiner_share)
    steps = [("step", number) for number in range(1, request.evaluations + 1)]
    decoded = [("decode", number) for number in range(1, request.num_images + 1)]
    assert billed == Counter([*steps, *decoded])


def refined() -> GenerationRequest:
    return a_request(checkpoint="toy-xl", refiner_share=0.5, num_inference_steps=6)


def test_a_run_that_waits_for_its_refiner_keeps_the_steps_of_the_base_model(loader: Loader) -> None:
    saves = [suspended_after(loader, refined(), step) for step in range(1, 6)]

    (waiting,) = [(step, saved) for step, saved in enumerate(saves, start=1) if saved.run is None]
    step, saved = waiting
    assert saved.is_refining
    assert saved.step == saved.steps_before == step


def test_finished_latents_are_only_decoded_again(loader: Loader) -> None:
    request = a_request(num_images=2)
    engine = an_engine(loader)
    submit(engine, request)
    steps_until(engine, Stepped, key="run")
    engine.save()
    while not (saved := of_kind(turn(engine), Saved)):
        pass
    last = replace(saved[-1].saved.run, step=request.evaluations)
    resumed = an_engine(loader)
    submit(resumed, request, saved=replace(saved[-1].saved, run=last))

    events = run_to_the_end(resumed)

    assert not of_kind(events, Stepped)
    assert len(finished(events)[0]) == 2


def test_what_was_decoded_already_is_not_billed_again(loader: Loader) -> None:
    request = a_request(num_images=2)
    saved = suspended_after(loader, request, 2)
    decoded = (*saved.charges, Charge(phase="decode", index=1, us=5))
    engine = an_engine(loader)
    submit(engine, request, saved=replace(saved, charges=decoded))

    _images, charges = finished(run_to_the_end(engine))

    billed = [each.index for each in charges if each.phase == "decode" and each.billed]
    assert sorted(billed) == [1, 2]


def test_a_run_that_has_not_started_leaves_nothing(loader: Loader) -> None:
    engine = an_engine(loader)
    submit(engine, a_request())

    assert suspend(engine) is None
    assert not engine.has_runs


def test_a_run_that_is_suspended_while_it_waits_keeps_what_it_came_with(loader: Loader) -> None:
    saved = suspended_after(loader, a_request(), 2)
    engine = an_engine(loader)
    submit(engine, a_request(), saved=saved)

    assert suspend(engine) == saved


def test_other_weights_start_the_run_over_and_bill_only_that(loader: Loader) -> None:
    request = refined()
    saved = replace(suspended_after(loader, request, 5), version="other")
    engine = an_engine(loader)
    submit(engine, request, saved=saved)

    events = run_to_the_end(engine)
    images, charges = finished(events)

    assert steps_of(events, key="run") == list(range(1, request.evaluations + 1))
    assert images == alone(loader, request)
    assert sum(each.phase == "step" for each in charges) == request.evaluations


def test_a_state_of_another_size_starts_the_run_over(loader: Loader) -> None:
    saved = suspended_after(loader, a_request(width=48), 2)
    engine = an_engine(loader)
    submit(engine, a_request(), saved=saved)

    events = run_to_the_end(engine)

    assert steps_of(events, key="run") == [1, 2, 3, 4]
    assert finished(events)[0] == alone(loader, a_request())


def test_a_generator_that_cannot_be_restored_starts_the_run_over(loader: Loader) -> None:
    saved = suspended_after(loader, a_request(), 2)
    assert saved.run
    broken = replace(saved, run=replace(saved.run, generators=(torch.zeros(3, dtype=torch.uint8),)))
    engine = an_engine(loader)
    submit(engine, a_request(), saved=broken)

    assert finished(run_to_the_end(engine))[0] == alone(loader, a_request())


def test_runs_are_saved_as_often_as_is_asked(loader: Loader) -> None:
    engine = an_engine(loader, save_interval=0.0)
    submit(engine, a_request(num_inference_steps=4))

    events = run_to_the_end(engine)

    # Not after the last: decoding is next.
    assert [each.saved.step for each in of_kind(events, Saved)] == [1, 2, 3]


def test_an_engine_saves_nothing_by_itself(engine: Engine) -> None:
    submit(engine, a_request())

    assert not of_kind(run_to_the_end(engine), Saved)


def test_everything_is_saved_on_demand(loader: Loader) -> None:
    engine = an_engine(loader)
    for key in ("one", "two"):
        engine.submit(a_request(), key=key)
    for key in ("one", "two"):
        engine.submit(a_request(num_inference_steps=9), key=f"long {key}")
    steps_until(engine, Stepped, key="long two")

    engine.save()
    events = turn(engine)

    assert {each.key for each in of_kind(events, Saved)} >= {"long one", "long two"}


def test_suspending_frees_the_place_of_the_run(loader: Loader) -> None:
    engine = an_engine(loader)
    submit(engine, a_request(num_inference_steps=9))
    engine.submit(a_request(), key="other")
    steps_until(engine, Stepped, key="run")

    suspend(engine)
    events = run_to_the_end(engine)

    assert {each.key for each in events} == {"other"}
    assert not of_kind(events, Loading)
    the_finished(events, key="other")


def test_a_damaged_state_is_refused(loader: Loader) -> None:
    content = saved_run.dumps(suspended_after(loader, a_request(), 2))

    for damaged in (content[:-1], content[:40], b"", bytes([content[0] ^ 1]) + content[1:]):
        with pytest.raises(UnusableState):
            saved_run.loads(damaged)


def test_a_state_of_another_format_is_refused(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = suspended_after(loader, a_request(), 2)
    monkeypatch.setattr(saved_run, "FORMAT", "0 torch")
    content = saved_run.dumps(saved)
    monkeypatch.undo()

    with pytest.raises(UnusableState, match="format 0 torch"):
        saved_run.loads(content)


def test_a_state_is_about_as_large_as_what_it_has_to_keep(loader: Loader) -> None:
    """Latents and a generator for DDIM; three predictions more for PNDM."""
    sizes = {
        name: len(
            saved_run.dumps(
                suspended_after(loader, a_request(noise_scheduler=name, num_inference_steps=6), 5)
            )
        )
        for name in ("ddim", "pndm")
    }
    latents = torch.zeros(1, 4, 16, 16).nbytes
    generator = torch.Generator().get_state().nbytes

    assert latents + generator < sizes["ddim"] < latents + generator + 4_096
    assert sizes["pndm"] > sizes["ddim"]


def test_the_digest_covers_the_whole(loader: Loader) -> None:
    content = saved_run.dumps(suspended_after(loader, a_request(), 2))

    assert hashlib.sha256(content[32:]).digest() == content[:32]
