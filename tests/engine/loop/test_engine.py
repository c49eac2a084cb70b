"""A run's life in the engine: its events, its charges, and how it can end."""

import threading
import time

import pytest

from generation.engine.enums import NoiseScheduler
from generation.engine.events import (
    Canceled,
    Failed,
    Finished,
    Loading,
    Previewed,
    Started,
    Stepped,
)
from generation.engine.loading.loader import Loader
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.engine import Engine
from tests.engine.driving import (
    TIMEOUT,
    a_request,
    of_kind,
    run_to_the_end,
    steps_of,
    steps_until,
    the_finished,
    turn,
)


def test_a_run_tells_its_story_in_order(engine: Engine) -> None:
    engine.submit(a_request(num_inference_steps=3), key="run")

    events = run_to_the_end(engine)

    assert {event.key for event in events} == {"run"}
    kinds = [type(event) for event in events]
    assert kinds == [Loading, Started, Stepped, Stepped, Stepped, Finished]
    assert steps_of(events, key="run") == [1, 2, 3]


def test_a_finished_run_gives_its_pictures_with_their_seeds(engine: Engine) -> None:
    engine.submit(a_request(seed=5, num_images=2, width=48, height=32), key="run")

    finished = the_finished(run_to_the_end(engine), key="run")

    assert finished.seeds == (5, 6)
    assert [image.size for image in finished.images] == [(48, 32), (48, 32)]
    assert finished.images[0].tobytes() != finished.images[1].tobytes()


def test_a_warm_checkpoint_is_not_announced_again(engine: Engine) -> None:
    engine.submit(a_request(), key="first")
    run_to_the_end(engine)

    engine.submit(a_request(), key="second")
    events = run_to_the_end(engine)

    assert not of_kind(events, Loading)
    assert "load" not in {charge.phase for charge in the_finished(events, key="second").charges}


@pytest.mark.parametrize("noise_scheduler", NoiseScheduler)
def test_the_steps_are_as_many_as_the_request_says(
    engine: Engine, noise_scheduler: NoiseScheduler
) -> None:
    request = a_request(noise_scheduler=noise_scheduler, num_inference_steps=3)

    engine.submit(request, key="run")
    events = run_to_the_end(engine)

    assert steps_of(events, key="run") == list(range(1, request.evaluations + 1))
    assert {event.steps for event in of_kind(events, Stepped)} == {request.evaluations}


def test_each_step_says_what_was_billed_so_far(engine: Engine) -> None:
    engine.submit(a_request(), key="run")
    events = run_to_the_end(engine)

    billed_us, expected = 0, []
    for charge in the_finished(events, key="run").charges:
        billed_us += charge.us if charge.billed else 0
        if charge.phase == "step":
            expected.append(billed_us)
    assert [event.billed_us for event in of_kind(events, Stepped)] == expected


def test_runs_of_one_shape_share_every_step(engine: Engine) -> None:
    for index in range(4):
        engine.submit(a_request(seed=index, num_inference_steps=5), key=str(index))

    run_to_the_end(engine)

    assert engine.stats.steps == 5
    assert engine.stats.rows == 5 * 4 * 2


def test_a_full_engine_gives_steps_by_weight(loader: Loader) -> None:
    engine = Engine(loader=loader, batch_limit=BatchLimit(initial=2, maximum=2))
    engine.submit(a_request(num_inference_steps=100), key="heavy", weight=4)
    engine.submit(a_request(num_inference_steps=100), key="light", weight=1)
    steps_until(engine, Started, key="light")

    events = [event for _ in range(50) for event in turn(engine)]

    heavy, light = (len(steps_of(events, key=key)) for key in ("heavy", "light"))
    assert heavy == pytest.approx(4 * light, abs=2)


def test_a_newcomer_takes_its_first_step_in_the_turn_after_it_came(engine: Engine) -> None:
    engine.submit(a_request(num_inference_steps=50), key="busy")
    steps_until(engine, Stepped, key="busy")

    engine.submit(a_request(), key="newcomer")

    assert steps_of(turn(engine), key="newcomer") == [1]


def test_all_busy_time_is_charged_exactly_once(engine: Engine) -> None:
    engine.submit(a_request(num_inference_steps=6), key="guided")
    engine.submit(a_request(guidance_scale=0, num_inference_steps=9, num_images=3), key="plain")
    engine.submit(a_request(checkpoint="toy-v", width=64), key="other")
    engine.submit(a_request(num_inference_steps=60), key="canceled")
    events = [steps_until(engine, Stepped, key="canceled")]
    engine.cancel("canceled")

    events += run_to_the_end(engine)

    ends = [*of_kind(events, Finished), *of_kind(events, Canceled)]
    assert len(ends) == 4
    charges = [charge for end in ends for charge in end.charges]
    assert sum(charge.us for charge in charges if charge.billed) == engine.busy_us
    assert {charge.phase for charge in charges if not charge.billed} == {"load"}


def test_a_step_is_charged_by_its_share_of_the_work(engine: Engine) -> None:
    engine.submit(a_request(guidance_scale=0), key="one row")
    engine.submit(a_request(num_images=2), key="four rows")

    events = run_to_the_end(engine)

    one, four = (
        [event.us for event in of_kind(events, Stepped, key=key)]
        for key in ("one row", "four rows")
    )
    for small, large in zip(one, four, strict=True):
        assert large == pytest.approx(4 * small, abs=4)


def test_charges_name_their_phase_and_step(engine: Engine) -> None:
    engine.submit(a_request(num_inference_steps=2, num_images=2), key="run")

    charges = the_finished(run_to_the_end(engine), key="run").charges

    assert [(charge.phase, charge.index) for charge in charges] == [
        ("load", None),
        ("encode", None),
        ("step", 1),
        ("step", 2),
        ("decode", 1),
        ("decode", 2),
    ]
    assert all(charge.us > 0 for charge in charges)


def test_cancel_ends_a_run_before_its_next_step(engine: Engine) -> None:
    engine.submit(a_request(num_inference_steps=50), key="run")
    steps_until(engine, Stepped, key="run")

    engine.cancel("run")
    events = run_to_the_end(engine)

    assert [type(event) for event in events] == [Canceled]
    charges = of_kind(events, Canceled)[0].charges
    assert [charge.index for charge in charges if charge.phase == "step"] == [1]


def test_cancel_of_a_run_that_waits_for_its_checkpoint_costs_nothing(engine: Engine) -> None:
    engine.submit(a_request(), key="run")
    engine.cancel("run")

    events = run_to_the_end(engine)

    assert of_kind(events, Canceled)[0].charges == ()
    assert not of_kind(events, Stepped)


def test_cancel_of_an_unknown_run_has_no_effect(engine: Engine) -> None:
    engine.cancel("nobody's")
    engine.submit(a_request(), key="run")

    events = run_to_the_end(engine)

    the_finished(events, key="run")


def test_a_run_past_its_budget_fails_at_the_next_step(engine: Engine) -> None:
    engine.submit(a_request(num_inference_steps=50), key="dear", budget_us=1)
    engine.submit(a_request(), key="mate")

    events = run_to_the_end(engine)

    failed = of_kind(events, Failed, key="dear")[0]
    assert (failed.code, steps_of(events, key="dear")) == ("budget", [1])
    the_finished(events, key="mate")


def test_a_run_past_its_deadline_fails_at_the_next_step(engine: Engine) -> None:
    engine.submit(a_request(num_inference_steps=150), key="late", deadline=time.monotonic() + 0.2)
    engine.submit(a_request(), key="mate")

    events = run_to_the_end(engine)

    assert of_kind(events, Failed, key="late")[0].code == "deadline"
    the_finished(events, key="mate")


def test_a_deadline_wakes_the_engine_while_it_waits_for_a_load(
    engine: Engine, loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "acquire", lambda _checkpoint: None)
    engine.submit(a_request(), key="run", deadline=time.monotonic() + 0.05)
    turn(engine)

    assert engine.wait(TIMEOUT)
    events = engine.step()

    assert of_kind(events, Failed)[0].code == "deadline"


def test_wait_returns_when_another_thread_submits(engine: Engine) -> None:
    assert not engine.wait(0.01)
    timer = threading.Timer(0.05, lambda: engine.submit(a_request(), key="run"))
    timer.start()

    assert engine.wait(TIMEOUT)
    timer.join()


def test_previews_go_to_those_who_watch(engine: Engine) -> None:
    engine.submit(a_request(num_inference_steps=5), key="watched", wants_preview=lambda: True)
    engine.submit(a_request(num_inference_steps=5), key="unwatched")

    events = run_to_the_end(engine)

    assert not of_kind(events, Previewed, key="unwatched")
    previews = of_kind(events, Previewed, key="watched")
    assert [preview.step for preview in previews] == [1, 2, 3, 4]
    assert {preview.image.size for preview in previews} == {(128, 128)}


def test_previews_are_no_more_frequent_than_asked_for(loader: Loader) -> None:
    engine = Engine(loader=loader, preview_interval=60)
    engine.submit(a_request(num_inference_steps=10), key="run", wants_preview=lambda: True)

    events = run_to_the_end(engine)

    assert [preview.step for preview in of_kind(events, Previewed)] == [1]


def test_previews_are_not_charged(engine: Engine) -> None:
    engine.submit(a_request(), key="run", wants_preview=lambda: True)

    charges = the_finished(run_to_the_end(engine), key="run").charges

    assert engine.stats.us["preview"] > 0
    assert sum(charge.us for charge in charges if charge.billed) == engine.busy_us


def test_the_bundled_checkpoint_makes_a_picture(loader: Loader) -> None:
    engine = Engine(loader=loader)
    request = a_request(
        checkpoint="sketchbook", width=128, height=128, num_inference_steps=2, prompt="a house"
    )

    engine.submit(request, key="run")
    finished = the_finished(run_to_the_end(engine), key="run")

    assert finished.images[0].size == (128, 128)
