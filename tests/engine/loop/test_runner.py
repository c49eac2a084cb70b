"""The model runner does each kind of work for several tickets, counts it and captures passes."""

import math

import pytest
import torch

from generation.engine.loading.loader import Loader
from generation.engine.loop.runner import ModelRunner
from generation.engine.loop.ticket import Ticket
from tests.engine.driving import a_request
from tests.engine.loading.test_loader import load
from tests.engine.tickets import a_ticket


@pytest.fixture
def runner(loader: Loader) -> ModelRunner:
    return ModelRunner(loader.device)


@pytest.fixture
def tickets(loader: Loader, runner: ModelRunner) -> list[Ticket]:
    """Two encoded tickets: one image with guidance, two without."""
    loaded = load(loader, "toy")
    tickets = [
        a_ticket("guided", request=a_request()),
        a_ticket("plain", request=a_request(guidance_scale=1.0, num_images=2)),
    ]
    for ticket in tickets:
        ticket.loaded = loaded
    with torch.inference_mode():
        for completed in runner.encode(tickets).completed:
            completed.item.run = completed.result
    return tickets


@torch.inference_mode()
def test_encoding_is_shared_by_passes(runner: ModelRunner, tickets: list[Ticket]) -> None:
    result = runner.encode(tickets)

    assert [tuple(one.result.latents.shape) for one in result.completed] == [
        (1, 4, 16, 16),
        (2, 4, 16, 16),
    ]
    guided, plain = (one.us for one in result.completed)
    assert guided == pytest.approx(2 * plain, abs=2)


@torch.inference_mode()
def test_encoding_is_shared_by_pieces(runner: ModelRunner, tickets: list[Ticket]) -> None:
    stranger, neighbor = tickets
    stranger.request = a_request(guidance_scale=1.0)
    neighbor.request = a_request(guidance_scale=1.0, prompt="a BREAK " * 20)

    short, long = (one.us for one in runner.encode(tickets).completed)

    assert long == pytest.approx(20 * short, rel=0.1, abs=21)


@torch.inference_mode()
def test_a_pass_counts_its_rows_and_moves_every_run(
    runner: ModelRunner, tickets: list[Ticket]
) -> None:
    result = runner.denoise(tickets)

    assert [one.result for one in result.completed] == [None, None]
    assert [ticket.progress[0] for ticket in tickets] == [1, 1]
    assert (runner.stats.steps, runner.stats.rows) == (1, 4)
    assert runner.stats.us["step"] == result.us == sum(one.us for one in result.completed)


@torch.inference_mode()
def test_a_pass_is_captured_after_it_was_measured(
    runner: ModelRunner, tickets: list[Ticket], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = tickets[0].loaded.pipeline  # type: ignore[union-attr]
    captured = []
    monkeypatch.setattr(pipeline, "capture", lambda: captured.append(runner.stats.us["step"]))

    result = runner.denoise(tickets)

    assert captured == [result.us]


@torch.inference_mode()
def test_an_error_of_one_noise_scheduler_is_that_runs_result(
    runner: ModelRunner, tickets: list[Ticket], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = IndexError("no such timestep")

    def fail(_prediction: object) -> None:
        raise broken

    monkeypatch.setattr(tickets[0].run, "advance", fail)

    result = runner.denoise(tickets)

    assert [one.result for one in result.completed] == [broken, None]
    assert [ticket.progress[0] for ticket in tickets] == [0, 1]


@torch.inference_mode()
def test_an_image_that_is_not_finite_is_none_and_its_mates_are_decoded(
    runner: ModelRunner, tickets: list[Ticket]
) -> None:
    plain = tickets[1]
    plain.run.latents[1] = math.nan  # type: ignore[union-attr]

    result = runner.decode([image for ticket in tickets for image in ticket.pending_images()])

    images = [one.result for one in result.completed]
    assert images[2] is None
    assert [image and image.size for image in images[:2]] == [(32, 32), (32, 32)]


@torch.inference_mode()
def test_a_preview_shows_the_first_image_of_each_ticket(
    runner: ModelRunner, tickets: list[Ticket]
) -> None:
    runner.denoise(tickets)

    result = runner.preview(tickets)

    assert [one.result.size for one in result.completed if one.result] == [(128, 128)] * 2
    assert runner.stats.us["preview"] == result.us > 0


def test_without_items_the_device_rests(runner: ModelRunner) -> None:
    assert runner.decode([]).completed == []
    assert runner.stats.us == {}
