"""A model's pass is recorded when its arguments' shapes come again, and played from then on."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from generation.engine.graphs import Graphed

needs_gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no device has CUDA"),
]


class Doubling:
    """A model that counts its calls; `memory` is how many elements it can take."""

    def __init__(self, *, memory: int = 1_000_000) -> None:
        self.calls = 0
        self.memory = memory

    def __call__(self, arguments: Mapping[str, Tensor]) -> Tensor:
        self.calls += 1
        if arguments["sample"].numel() > self.memory:
            raise torch.OutOfMemoryError
        return 2 * arguments["sample"] + arguments["timestep"]


def arguments(rows: int, value: float = 1.0, *, device: str = "cpu") -> dict[str, Tensor]:
    sample = torch.full((rows, 4), value, device=device)
    return {"sample": sample, "timestep": torch.tensor(value, device=device)}


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_gpu)])
def test_it_computes_what_the_model_does_in_any_order_of_shapes(device: str) -> None:
    model = Graphed(Doubling())

    for value, rows in enumerate([1, 2, 1, 1, 2, 3, 1, 2, 2, 3, 3, 1]):
        output = model(arguments(rows, value, device=device))

        assert output.tolist() == [[3.0 * value] * 4] * rows


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=needs_gpu)])
def test_an_output_outlives_the_next_pass(device: str) -> None:
    model = Graphed(Doubling())

    outputs = [model(arguments(2, value, device=device)) for value in range(4)]

    assert [output[0, 0].item() for output in outputs] == [0.0, 3.0, 6.0, 9.0]


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=needs_gpu)])
def test_a_recorded_pass_is_not_launched_again(device: str) -> None:
    doubling = Doubling()
    model = Graphed(doubling)
    for _ in range(2):
        model(arguments(2, device=device))
    calls = doubling.calls

    model(arguments(2, device=device))

    assert doubling.calls == calls


def test_what_cannot_be_recorded_is_tried_once_and_works_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # As on any machine without CUDA.
    model = Graphed(Doubling())

    outputs = [model(arguments(2)) for _ in range(5)]

    assert all(output.tolist() == [[3.0] * 4] * 2 for output in outputs)
    if not torch.cuda.is_available():
        assert len(caplog.records) == 1


def test_memory_that_runs_out_is_the_callers_error_and_smaller_passes_work_on() -> None:
    model = Graphed(Doubling(memory=8))
    model(arguments(2))

    with pytest.raises(torch.OutOfMemoryError):
        model(arguments(4))

    assert model(arguments(2)).tolist() == [[3.0] * 4] * 2
