"""A kept state, or one image's part of it, leads to the image that the undisturbed run would have given."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from generation.engine.events import Failed, Finished, Stepped, Suspended
from generation.engine.failures import MESSAGES, FailureCode
from generation.engine.loading.loader import Loader
from generation.engine.request import GenerationRequest
from generation.engine.saved_run import SavedRun
from tests.engine.branching import (
    EACH_CASE,
    ORIGIN,
    QUARTERS,
    TOLERANCE,
    an_engine,
    events_of,
    going_on,
    moved,
    submit,
    suspended_after,
)
from tests.engine.driving import (
    a_request,
    of_kind,
    run_to_the_end,
    steps_of,
    steps_until,
    the_finished,
)
from tests.engine.reference import relative_difference


def finished(loader: Loader, request: GenerationRequest, **options: Any) -> Finished:
    engine = an_engine(loader, kept_shares=QUARTERS)
    submit(engine, request, **options)
    return the_finished(run_to_the_end(engine), key="run")


def pixels(end: Finished) -> list[bytes]:
    return [image.tobytes() for image in end.images]


def kept_at(loader: Loader, request: GenerationRequest, step: int) -> SavedRun:
    (state,) = [each for each in finished(loader, request).states if each.step == step]
    return moved(state)


def refined(**changes: Any) -> GenerationRequest:
    return a_request(
        **{"checkpoint": "toy-xl", "refiner_share": 0.5, "num_inference_steps": 8, **changes}
    )


@EACH_CASE
def test_an_image_is_finished_alone_from_its_part_of_a_state(
    warm_loader: Loader, latents: dict[GenerationRequest, Tensor], settings: dict[str, Any]
) -> None:
    request = a_request(num_images=3, **settings)
    events_of(warm_loader, request)
    whole = latents[request]

    for step in (2, 3):
        saved = suspended_after(warm_loader, request, step)
        for index in range(request.num_images):
            events = events_of(warm_loader, request.alone(index), saved=saved.alone(index))

            assert steps_of(events, key="run") == [*range(step + 1, request.evaluations + 1)]
            own = latents[request.alone(index)]
            assert relative_difference(own, whole[index : index + 1]) < TOLERANCE
            assert len(the_finished(events, key="run").images) == 1


def test_the_part_of_an_image_has_no_charges_and_no_memory_of_the_others(
    warm_loader: Loader,
) -> None:
    request = a_request(num_images=3, noise_scheduler="lms")

    part = suspended_after(warm_loader, request, 2).alone(1)

    assert part.charges == ()
    assert part.run is not None
    derivatives = part.run.schedule["derivatives"]
    assert isinstance(derivatives, list)
    for tensor in (part.run.latents, *derivatives):
        assert len(tensor) == 1
        assert tensor.untyped_storage().nbytes() == tensor.nbytes


@EACH_CASE
def test_every_kept_state_leads_to_the_same_image_bit_for_bit(
    warm_loader: Loader, settings: dict[str, Any]
) -> None:
    request = a_request(**settings)
    whole = finished(warm_loader, request)
    last = request.evaluations
    assert [state.step for state in whole.states] == [round(share * last) for share in QUARTERS]

    for state in map(moved, whole.states):
        branch = finished(warm_loader, going_on(request, state), origin=state)

        assert pixels(branch) == pixels(whole)
        billed = Counter((each.phase, each.index) for each in branch.charges if each.billed)
        assert billed.pop(("encode", None)) == 1 + (
            bool(request.refiner_share) and not state.is_refining
        )
        steps = [("step", number) for number in range(state.step + 1, last + 1)]
        assert billed == Counter([*steps, ("decode", 1)])


def test_other_words_take_over_at_the_step(warm_loader: Loader) -> None:
    state = kept_at(warm_loader, a_request(prompt="a red house"), 2)
    branch = going_on(a_request(prompt="a blue tree", guidance_scale=5.0), state)

    made = finished(warm_loader, branch, origin=state)

    changing = finished(warm_loader, a_request(prompt="[a red house:a blue tree:0.5]"))
    assert pixels(made) == pixels(changing) != pixels(finished(warm_loader, a_request()))


@pytest.mark.parametrize("step", [2, 4, 6])
def test_other_words_take_over_in_both_parts_of_a_refined_run(
    warm_loader: Loader, step: int
) -> None:
    state = kept_at(warm_loader, refined(prompt="a red house"), step)
    branch = going_on(refined(prompt="a blue tree"), state)

    made = finished(warm_loader, branch, origin=state)

    changing = finished(warm_loader, refined(prompt=f"[a red house:a blue tree:{step}]"))
    assert pixels(made) == pixels(changing) != pixels(finished(warm_loader, refined()))


def test_other_guidance_makes_another_image(warm_loader: Loader) -> None:
    state = kept_at(warm_loader, a_request(), 2)

    ends = [
        finished(warm_loader, going_on(a_request(guidance_scale=scale), state), origin=state)
        for scale in (1.0, 5.0, 9.0)
    ]

    assert len({tuple(pixels(end)) for end in ends}) == 3


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({"num_inference_steps": 20}, [5, 10, 15]),
        ({"num_inference_steps": 5, "noise_scheduler": "heun"}, [2, 4, 7]),
        ({"num_inference_steps": 2}, [1]),
        ({"num_inference_steps": 1}, []),
        ({"num_inference_steps": 20, "origin": ORIGIN, "origin_step": 5}, [10, 15]),
    ],
)
def test_states_are_kept_at_the_shares_of_the_whole_schedule(
    warm_loader: Loader, changes: dict[str, Any], steps: list[int]
) -> None:
    request = a_request(**changes)
    origin = None
    if request.origin:
        origin = kept_at(warm_loader, replace(request, origin="", origin_step=0), 5)
    engine = an_engine(warm_loader, kept_shares=(0, *QUARTERS, 1))
    submit(engine, request, origin=origin)

    states = the_finished(run_to_the_end(engine), key="run").states

    assert [state.step for state in states] == steps
    assert not any(state.charges for state in states)


def test_an_engine_keeps_no_states_by_itself(warm_loader: Loader) -> None:
    assert the_finished(events_of(warm_loader, a_request()), key="run").states == ()


@pytest.mark.parametrize(("step", "steps"), [(1, [2, 4, 6]), (3, [3, 4, 6]), (4, [4, 6])])
def test_the_state_of_an_earlier_attempt_stands_in_for_those_that_it_lost(
    warm_loader: Loader, step: int, steps: list[int]
) -> None:
    request = a_request(num_inference_steps=8)
    saved = suspended_after(warm_loader, request, step)

    states = finished(warm_loader, request, saved=saved).states

    assert [state.step for state in states] == steps
    assert not any(state.charges for state in states)


def test_a_branch_loses_no_states_of_before_its_origin(warm_loader: Loader) -> None:
    request = a_request(num_inference_steps=8)
    state = kept_at(warm_loader, request, 2)
    branch = going_on(request, state)
    saved = suspended_after(warm_loader, branch, 3, origin=state)

    states = finished(warm_loader, branch, saved=saved, origin=state).states

    assert [each.step for each in states] == [4, 6]


def test_an_origin_comes_with_its_name(warm_loader: Loader) -> None:
    state = kept_at(warm_loader, a_request(), 2)
    engine = an_engine(warm_loader)

    with pytest.raises(ValueError, match="come together"):
        submit(engine, a_request(), origin=state)
    with pytest.raises(ValueError, match="come together"):
        submit(engine, going_on(a_request(), state))
    assert not engine.wait(0)


def with_latents(state: SavedRun, *shape: int) -> SavedRun:
    assert state.run is not None
    return replace(state, run=replace(state.run, latents=torch.zeros(shape)))


def with_a_broken_generator(state: SavedRun) -> SavedRun:
    assert state.run is not None
    return replace(state, run=replace(state.run, generators=(torch.zeros(3, dtype=torch.uint8),)))


def at_another_step(state: SavedRun) -> SavedRun:
    assert state.run is not None
    return replace(state, run=replace(state.run, step=state.run.step + 1))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: replace(state, version="other"),
        lambda state: with_latents(state, 1, 4, 24, 16),
        lambda state: with_latents(state, 2, 4, 16, 16),
        with_a_broken_generator,
        at_another_step,
        lambda state: replace(state, is_refining=True),
    ],
    ids=["weights", "size", "images", "generator", "step", "refiner"],
)
def test_an_origin_that_cannot_be_gone_on_from_fails_the_run(
    warm_loader: Loader, spoil: Callable[[SavedRun], SavedRun]
) -> None:
    state = kept_at(warm_loader, a_request(), 2)
    engine = an_engine(warm_loader)
    submit(engine, going_on(a_request(), state), origin=spoil(state))
    submit(engine, a_request(), key="other")

    events = run_to_the_end(engine)

    (failed,) = of_kind(events, Failed)
    assert (failed.key, failed.code) == ("run", FailureCode.ORIGIN)
    assert failed.message == MESSAGES[FailureCode.ORIGIN]
    assert not steps_of(events, key="run")
    assert not engine.has_runs
    the_finished(events, key="other")


@pytest.mark.parametrize("step", [4, 6])
def test_an_origin_of_the_refiner_has_to_fit_too(warm_loader: Loader, step: int) -> None:
    state = kept_at(warm_loader, refined(width=48), step)
    assert state.is_refining
    assert (state.run is None) == (step == 4)

    (failed,) = of_kind(events_of(warm_loader, going_on(refined(), state), origin=state), Failed)

    assert failed.code == FailureCode.ORIGIN


@pytest.mark.parametrize("step", [4, 6])
def test_an_origin_of_the_refiner_is_of_the_same_share(warm_loader: Loader, step: int) -> None:
    state = kept_at(warm_loader, refined(), step)
    branch = going_on(refined(refiner_share=0.2), state)

    (failed,) = of_kind(events_of(warm_loader, branch, origin=state), Failed)

    assert failed.code == FailureCode.ORIGIN


def test_a_branch_whose_two_states_are_unusable_fails(warm_loader: Loader) -> None:
    state = kept_at(warm_loader, a_request(num_inference_steps=8), 2)
    branch = going_on(a_request(num_inference_steps=8), state)
    saved = replace(suspended_after(warm_loader, branch, 4, origin=state), version="other")

    events = events_of(warm_loader, branch, saved=saved, origin=replace(state, version="other"))

    (failed,) = of_kind(events, Failed)
    assert failed.code == FailureCode.ORIGIN


def test_a_branch_that_moves_goes_on_and_pays_once(warm_loader: Loader) -> None:
    request = a_request(num_inference_steps=8, noise_scheduler="dpmpp_2m_sde")
    state = kept_at(warm_loader, request, 2)
    branch = going_on(request, state)
    saved = suspended_after(warm_loader, branch, 5, origin=state)

    events = events_of(warm_loader, branch, saved=saved, origin=state)

    assert steps_of(events, key="run") == [6, 7, 8]
    end = the_finished(events, key="run")
    assert pixels(end) == pixels(finished(warm_loader, request))
    billed = Counter((each.phase, each.index) for each in end.charges if each.billed)
    steps = [("step", number) for number in range(3, 9)]
    assert billed == Counter([("encode", None), *steps, ("decode", 1)])


@pytest.mark.parametrize("step", [2, 4, 6])
def test_a_branch_starts_over_from_its_origin(warm_loader: Loader, step: int) -> None:
    state = kept_at(warm_loader, refined(), step)
    branch = going_on(refined(), state)
    saved = replace(suspended_after(warm_loader, branch, 7, origin=state), version="other")

    events = events_of(warm_loader, branch, saved=saved, origin=state)

    assert steps_of(events, key="run") == list(range(step + 1, 9))
    end = the_finished(events, key="run")
    assert pixels(end) == pixels(finished(warm_loader, refined()))
    assert sum(each.phase == "step" for each in end.charges) == 8 - step


def test_a_branch_that_has_not_started_leaves_nothing(warm_loader: Loader) -> None:
    state = kept_at(warm_loader, a_request(), 2)
    engine = an_engine(warm_loader)
    submit(engine, going_on(a_request(), state), origin=state)
    engine.suspend("run")

    assert steps_until(engine, Suspended, key="run").saved is None


def test_branches_of_one_state_share_their_steps(warm_loader: Loader) -> None:
    state = kept_at(warm_loader, a_request(num_inference_steps=8), 4)
    engine = an_engine(warm_loader)
    for scale in ("3", "6", "9"):
        request = a_request(num_inference_steps=8, guidance_scale=float(scale))
        submit(engine, going_on(request, state), origin=state, key=scale)

    events = run_to_the_end(engine)

    assert engine.stats.steps == 4
    assert {each.step for each in of_kind(events, Stepped)} == {5, 6, 7, 8}
    assert len({pixels(the_finished(events, key=scale))[0] for scale in ("3", "6", "9")}) == 3
