"""A model's pass is recorded when its arguments' shapes come again, and played from then on."""

import pytest
import torch
from torch import Tensor

from generation.engine.diffusion.cuda_graphs import Arguments, GraphedModel, GraphPool

needs_gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no device has CUDA"),
]


class Doubling:
    """A model that counts its calls; `memory` is how many elements it can take."""

    def __init__(self, *, memory: int = 1_000_000) -> None:
        self.calls = 0
        self.memory = memory

    def __call__(self, arguments: Arguments) -> Tensor:
        self.calls += 1
        if arguments["sample"].numel() > self.memory:
            raise torch.OutOfMemoryError
        return 2 * arguments["sample"] + arguments["timestep"]


def arguments(rows: int, value: float = 1.0, *, device: str = "cpu") -> dict[str, Tensor]:
    sample = torch.full((rows, 4), value, device=device)
    return {"sample": sample, "timestep": torch.tensor(value, device=device)}


def take(model: GraphedModel, rows: int, value: float = 1.0, *, device: str = "cpu") -> Tensor:
    """Take a pass and, as the engine does, record it afterwards if that is due."""
    output = model(arguments(rows, value, device=device))
    model.capture()
    return output


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_gpu)])
def test_it_computes_what_the_models_do_in_any_order_of_shapes(device: str) -> None:
    graph_pool = GraphPool()
    models = [graph_pool.wrap(Doubling()) for _ in range(2)]

    for value, rows in enumerate([1, 2, 1, 1, 2, 3, 1, 2, 2, 3, 3, 1]):
        for model in models:
            output = take(model, rows, value, device=device)

            assert output.tolist() == [[3.0 * value] * 4] * rows


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=needs_gpu)])
def test_an_output_outlives_the_next_pass(device: str) -> None:
    model = GraphPool().wrap(Doubling())

    outputs = [take(model, 2, value, device=device) for value in range(4)]

    assert [output[0, 0].item() for output in outputs] == [0.0, 3.0, 6.0, 9.0]


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=needs_gpu)])
def test_a_recorded_pass_is_not_launched_again(device: str) -> None:
    doubling = Doubling()
    model = GraphPool().wrap(doubling)
    for _ in range(2):
        take(model, 2, device=device)
    calls = doubling.calls

    take(model, 2, device=device)

    assert doubling.calls == calls


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=needs_gpu)])
def test_what_was_forgotten_is_recorded_anew(device: str) -> None:
    graph_pool = GraphPool()
    models = [graph_pool.wrap(Doubling()) for _ in range(2)]
    for model in models * 2:
        take(model, 2, device=device)

    graph_pool.clear()

    for value in range(4):
        for model in models:
            assert take(model, 2, value, device=device)[0, 0].item() == 3.0 * value


@pytest.mark.skipif(torch.cuda.is_available(), reason="this device can record")
def test_what_cannot_be_recorded_is_tried_once_and_works_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = GraphPool().wrap(Doubling())

    outputs = [take(model, 2) for _ in range(5)]

    assert all(output.tolist() == [[3.0] * 4] * 2 for output in outputs)
    assert len(caplog.records) == 1


def test_memory_that_runs_out_is_the_callers_error_and_smaller_passes_work_on() -> None:
    model = GraphPool().wrap(Doubling(memory=8))
    take(model, 2)

    with pytest.raises(torch.OutOfMemoryError):
        take(model, 4)

    assert take(model, 2).tolist() == [[3.0] * 4] * 2
