"""A draft is set aside with a preview of each image, and each is finished from there as by itself."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from generation.engine.diffusion.run import Run
from generation.engine.events import (
    Canceled,
    Drafted,
    Event,
    Failed,
    Finished,
    Previewed,
    Saved,
    Stepped,
)
from generation.engine.loading.loader import Loader
from generation.engine.request import MAX_DRAFTS, GenerationRequest
from tests.engine.branching import (
    EACH_CASE,
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


def the_drafted(events: list[Event]) -> Drafted:
    """Return how the run ended, which must be as a draft."""
    assert not of_kind(events, Failed)
    assert not of_kind(events, Finished)
    (drafted,) = of_kind(events, Drafted)
    return drafted


def drafted_of(loader: Loader, request: GenerationRequest, **options: Any) -> Drafted:
    return the_drafted(events_of(loader, request, **options))


def previews_of(drafted: Drafted) -> list[bytes]:
    return [image.tobytes() for image in drafted.previews]


def finish(loader: Loader, request: GenerationRequest, drafted: Drafted, index: int) -> Finished:
    """Finish one image of a draft."""
    state = moved(drafted.saved.alone(index))
    chosen = going_on(request.alone(index), state)
    return the_finished(events_of(loader, chosen, origin=state), key="run")


def test_a_draft_makes_its_steps_and_is_set_aside(warm_loader: Loader) -> None:
    request = a_request(seed=5, num_images=2, draft_steps=3)

    events = events_of(warm_loader, request)

    drafted = the_drafted(events)
    assert events[-1] is drafted
    assert [(each.step, each.steps) for each in of_kind(events, Stepped)] == [
        (1, 3),
        (2, 3),
        (3, 3),
    ]
    assert drafted.saved.step == 3
    assert drafted.saved.charges == ()
    assert drafted.seeds == (5, 6)
    assert [image.size for image in drafted.previews] == [(128, 128)] * 2
    billed = Counter((each.phase, each.index) for each in drafted.charges if each.billed)
    assert billed == Counter([("encode", None), *(("step", number) for number in (1, 2, 3))])


@EACH_CASE
def test_each_image_of_a_draft_is_finished_as_by_itself(
    warm_loader: Loader, latents: dict[GenerationRequest, Tensor], settings: dict[str, Any]
) -> None:
    whole = a_request(num_images=3, **settings)
    by_itself = []
    for index in range(whole.num_images):
        events_of(warm_loader, whole.alone(index))
        by_itself.append(latents[whole.alone(index)])

    for steps in (2, 3):
        draft = replace(whole, draft_steps=steps)
        drafted = drafted_of(warm_loader, draft)
        for index in range(whole.num_images):
            finish(warm_loader, draft, drafted, index)

            chosen = going_on(draft.alone(index), drafted.saved)
            assert relative_difference(latents[chosen], by_itself[index]) < TOLERANCE


@EACH_CASE
def test_a_draft_of_one_image_is_finished_bit_for_bit(
    warm_loader: Loader, settings: dict[str, Any]
) -> None:
    request = a_request(**settings)
    draft = replace(request, draft_steps=2)

    made = finish(warm_loader, draft, drafted_of(warm_loader, draft), 0)

    whole = the_finished(events_of(warm_loader, request), key="run")
    assert made.images[0].tobytes() == whole.images[0].tobytes()
    step_charges = [each.index for each in made.charges if each.phase == "step"]
    assert step_charges == list(range(3, request.evaluations + 1))


def test_the_previews_are_those_of_a_run_that_is_watched(warm_loader: Loader) -> None:
    request = a_request(num_images=3)
    engine = an_engine(warm_loader, preview_interval=0.0)
    submit(engine, request, wants_preview=lambda: True)
    watched = of_kind(run_to_the_end(engine), Previewed)

    previews = previews_of(drafted_of(warm_loader, replace(request, draft_steps=2)))

    assert previews[0] == watched[1].image.tobytes()
    assert len(set(previews)) == 3


def test_a_draft_may_have_more_images_than_a_finished_run(warm_loader: Loader) -> None:
    request = a_request(num_images=MAX_DRAFTS, draft_steps=2)

    drafted = drafted_of(warm_loader, request)

    assert len(set(previews_of(drafted))) == MAX_DRAFTS
    made = finish(warm_loader, request, drafted, MAX_DRAFTS - 1)
    assert made.seeds == drafted.seeds[-1:]


@pytest.mark.parametrize("steps", range(1, 6))
def test_a_draft_may_end_in_either_part_of_a_refined_run(
    warm_loader: Loader, latents: dict[GenerationRequest, Tensor], steps: int
) -> None:
    whole = a_request(checkpoint="toy-xl", refiner_share=0.5, num_inference_steps=6, num_images=2)
    draft = replace(whole, draft_steps=steps)

    drafted = drafted_of(warm_loader, draft)
    finish(warm_loader, draft, drafted, 1)

    assert drafted.saved.step == steps
    assert drafted.saved.is_refining == (steps >= 2)
    events_of(warm_loader, whole.alone(1))
    chosen = going_on(draft.alone(1), drafted.saved)
    assert relative_difference(latents[chosen], latents[whole.alone(1)]) < TOLERANCE


def test_a_draft_that_moves_is_set_aside_the_same_and_pays_once(warm_loader: Loader) -> None:
    request = a_request(num_images=2, draft_steps=3, noise_scheduler="dpmpp_2m_sde")
    saved = suspended_after(warm_loader, request, 2)

    events = events_of(warm_loader, request, saved=saved)

    drafted = the_drafted(events)
    assert steps_of(events, key="run") == [3]
    assert previews_of(drafted) == previews_of(drafted_of(warm_loader, request))
    billed = Counter((each.phase, each.index) for each in drafted.charges if each.billed)
    assert billed == Counter([("encode", None), *(("step", number) for number in (1, 2, 3))])


def test_a_draft_that_was_saved_after_its_last_step_starts_over(warm_loader: Loader) -> None:
    request = a_request(num_images=2, draft_steps=3)
    drafted = drafted_of(warm_loader, request)

    events = events_of(warm_loader, request, saved=moved(drafted.saved))

    assert steps_of(events, key="run") == [1, 2, 3]
    assert previews_of(the_drafted(events)) == previews_of(drafted)


def test_a_draft_is_saved_like_any_run_and_keeps_no_other_states(warm_loader: Loader) -> None:
    engine = an_engine(warm_loader, save_interval=0.0, kept_shares=QUARTERS)
    submit(engine, a_request(num_inference_steps=8, draft_steps=3))

    events = run_to_the_end(engine)

    assert [each.saved.step for each in of_kind(events, Saved)] == [1, 2]
    assert the_drafted(events)


def test_a_draft_is_canceled_like_any_run(warm_loader: Loader) -> None:
    engine = an_engine(warm_loader)
    submit(engine, a_request(draft_steps=3))
    steps_until(engine, Stepped, key="run")

    engine.cancel("run")
    events = run_to_the_end(engine)

    assert of_kind(events, Canceled)
    assert not of_kind(events, Drafted)


def test_a_preview_that_is_not_finite_fails_the_draft(
    warm_loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = Run.advance

    def advance_the_second_to_nan(run: Run, prediction: Tensor) -> None:
        prediction[1] = torch.nan
        advance(run, prediction)

    monkeypatch.setattr(Run, "advance", advance_the_second_to_nan)

    events = events_of(warm_loader, a_request(num_images=3, draft_steps=3))

    (failed,) = of_kind(events, Failed)
    assert failed.code == "nan"
    assert not of_kind(events, Drafted)
    assert steps_of(events, key="run") == [1, 2, 3]
