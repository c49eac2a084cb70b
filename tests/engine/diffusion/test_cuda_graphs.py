"""A model's pass is recorded when its arguments' shapes come again, and played from then on."""

from itertools import count
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from generation.engine.diffusion import cuda_graphs
from generation.engine.diffusion.cuda_graphs import Arguments, GraphedModel, GraphPool, Model

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


class FakeGraph:
    """A captured graph, where no device has CUDA: it remembers its shapes and counts its replays."""

    captured: ClassVar[list[int]]
    replayed: ClassVar[list[int]]

    def __init__(self, model: Model, arguments: Arguments, *, pool: object) -> None:
        self.model = model
        self.pool = pool
        self.captured.append(len(arguments["sample"]))

    def replay(self, arguments: Arguments) -> Tensor:
        self.replayed.append(len(arguments["sample"]))
        return self.model(arguments)


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> type[FakeGraph]:
    """Replace torch's graphs; returns the class whose lists say what was captured and replayed."""

    class Graph(FakeGraph):
        captured: ClassVar[list[int]] = []
        replayed: ClassVar[list[int]] = []

    pools = count()
    monkeypatch.setattr(cuda_graphs, "_CapturedGraph", Graph)
    monkeypatch.setattr(cuda_graphs.torch.cuda, "graph_pool_handle", lambda: next(pools))
    return Graph


def test_a_pass_is_captured_at_its_second_time_and_replayed_from_the_third(
    graphs: type[FakeGraph],
) -> None:
    model = GraphPool().wrap(Doubling())

    outputs = [take(model, 2, value) for value in range(4)]

    assert graphs.captured == [2]
    assert graphs.replayed == [2, 2]
    assert [output[0, 0].item() for output in outputs] == [0, 3, 6, 9]


def test_each_set_of_shapes_and_precisions_has_its_own_graph(graphs: type[FakeGraph]) -> None:
    model = GraphPool().wrap(Doubling())
    for rows in (1, 2, 1, 2):
        take(model, rows)
    half = {name: tensor.half() for name, tensor in arguments(1).items()}

    model(half)
    model.capture()

    assert graphs.captured == [1, 2]
    assert graphs.replayed == []


def test_an_argument_more_is_another_graph(graphs: type[FakeGraph]) -> None:
    model = GraphPool().wrap(Doubling())
    for _ in range(2):
        take(model, 1)

    model({**arguments(1), "mask": torch.ones(1)})

    assert graphs.replayed == []


def test_nothing_is_captured_twice(graphs: type[FakeGraph]) -> None:
    model = GraphPool().wrap(Doubling())
    for _ in range(2):
        take(model, 2)

    model.capture()
    model.capture()

    assert graphs.captured == [2]


def test_only_the_last_pass_before_a_capture_is_captured(graphs: type[FakeGraph]) -> None:
    model = GraphPool().wrap(Doubling())
    for rows in (1, 2, 1, 2):
        model(arguments(rows))

    model.capture()

    assert graphs.captured == [2]


def test_beyond_the_limit_the_graph_used_longest_ago_is_dropped(
    graphs: type[FakeGraph], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda_graphs, "MAX_GRAPHS", 2)
    model = GraphPool().wrap(Doubling())
    for rows in (1, 1, 2, 2, 1, 3, 3):
        take(model, rows)
    assert (graphs.captured, graphs.replayed) == ([1, 2, 3], [1])

    take(model, 1)
    take(model, 3)
    assert graphs.replayed == [1, 1, 3]

    take(model, 2)
    assert graphs.replayed == [1, 1, 3]


def test_models_share_one_memory_pool_until_it_is_released(graphs: type[FakeGraph]) -> None:
    graph_pool = GraphPool()
    one, other = graph_pool.wrap(Doubling()), graph_pool.wrap(Doubling())
    for model in (one, one, other, other):
        take(model, 2)

    def pools() -> list[object]:
        return [graph.pool for model in (one, other) for graph in model._graphs.values()]

    assert pools() == [0, 0]
    one.release_memory()
    assert pools() == []
    for model in (one, one, other, other):
        take(model, 2)
    assert pools() == [1, 1]


def test_memory_that_runs_out_drops_the_graphs_of_every_model(graphs: type[FakeGraph]) -> None:
    graph_pool = GraphPool()
    small, large = graph_pool.wrap(Doubling()), graph_pool.wrap(Doubling(memory=8))
    for model in (small, large) * 2:
        take(model, 2)
    assert graphs.captured == [2, 2]

    with pytest.raises(torch.OutOfMemoryError):
        take(large, 4)

    take(small, 2)
    assert graphs.replayed == []
    assert take(small, 2).tolist() == [[3.0] * 4] * 2
    assert graphs.captured == [2, 2, 2]


def test_a_failed_pass_is_never_captured(graphs: type[FakeGraph]) -> None:
    model = GraphPool().wrap(Doubling(memory=8))
    for _ in range(3):
        with pytest.raises(torch.OutOfMemoryError):
            model(arguments(4))
        model.capture()

    assert graphs.captured == []


def test_a_capture_that_fails_is_logged_once_and_the_model_runs_on(
    graphs: type[FakeGraph], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(cuda_graphs, "_CapturedGraph", fail)
    model = GraphPool().wrap(Doubling())

    outputs = [take(model, 2, value) for value in range(5)]

    assert [output[0, 0].item() for output in outputs] == [0, 3, 6, 9, 12]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "not permitted" in caplog.text


def test_a_pool_keeps_no_model_alive() -> None:
    graph_pool = GraphPool()
    model = graph_pool.wrap(Doubling())
    assert len(graph_pool._models) == 1

    del model

    assert len(graph_pool._models) == 0
