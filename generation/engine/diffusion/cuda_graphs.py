"""CUDA graphs: capture a model's forward pass once for each set of input shapes, then replay it.

A denoiser is a thousand kernels or more. For a batch of few rows, launching them one by one from
Python takes longer than computing them; a graph is launched as a whole.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from threading import Lock
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

Arguments = Mapping[str, Tensor]
Model = Callable[[Arguments], Tensor]

# Graphs of one model. Each takes some megabytes besides the shared pool.
MAX_GRAPHS = 64


class GraphPool:
    """The graphs of one device. Models run in turn, so all graphs share one memory pool."""

    def __init__(self) -> None:
        self._pool: Any = None
        self._models: WeakSet[GraphedModel] = WeakSet()
        # The loading thread wraps models while the loop runs others.
        self._models_lock = Lock()

    def wrap(self, model: Model) -> "GraphedModel":
        """Return the model with graphs, to be called the same way.

        The model must not wait for the device, nor branch on the host by the values of its inputs.
        """
        graphed = GraphedModel(model, self)
        with self._models_lock:
            self._models.add(graphed)
        return graphed

    def clear(self) -> None:
        """Drop the graphs of all models, and the memory they share."""
        with self._models_lock:
            for model in self._models:
                model.clear()
        self._pool = None

    def capture(self, model: Model, arguments: Arguments) -> "_CapturedGraph":
        """Capture a pass of the model, which must be warmed up for such arguments."""
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        return _CapturedGraph(model, arguments, pool=self._pool)


class GraphedModel:
    """A model with a graph for each set of input shapes. Not thread-safe, like the model itself."""

    def __init__(self, model: Model, graph_pool: GraphPool) -> None:
        self._model = model
        self._graph_pool = graph_pool
        self._warmed_up: set[Hashable] = set()
        self._pending: tuple[Hashable, Arguments] | None = None
        self._graphs: OrderedDict[Hashable, _CapturedGraph | None] = OrderedDict()

    def __call__(self, arguments: Arguments) -> Tensor:
        """Return the model's output for these arguments.

        Raises the model's own errors. On `OutOfMemoryError` all graphs of the pool are dropped first.
        """
        shapes = tuple((name, tuple(each.shape), each.dtype) for name, each in arguments.items())
        if graph := self._graphs.get(shapes):
            self._graphs.move_to_end(shapes)
            return graph.replay(arguments)
        try:
            output = self._model(arguments)
        except torch.OutOfMemoryError:
            self.release_memory()
            raise
        if shapes in self._warmed_up and shapes not in self._graphs:
            self._pending = (shapes, arguments)
        self._warmed_up.add(shapes)
        return output

    def capture(self) -> None:
        """Capture the last pass, if a pass of the same shapes came before it; else do nothing.

        A failed capture is logged and never repeated for these shapes; the model runs without.
        """
        if self._pending is None:
            return
        (shapes, arguments), self._pending = self._pending, None
        self._graphs[shapes] = None
        try:
            self._graphs[shapes] = self._graph_pool.capture(self._model, arguments)
        except Exception as error:  # noqa: BLE001  # the model works without a graph
            logger.warning("a pass of %s was not captured: %s", shapes, error)
        if len(self._graphs) > MAX_GRAPHS:
            self._graphs.popitem(last=False)

    def release_memory(self) -> None:
        """Drop the graphs of every model in the pool, and the memory they share."""
        self._graph_pool.clear()

    def clear(self) -> None:
        """Drop this model's graphs; shapes are captured again after their next two passes."""
        self._pending = None
        self._warmed_up.clear()
        self._graphs.clear()


class _CapturedGraph:
    """The graph of one forward pass, with the memory of its inputs and its output."""

    def __init__(self, model: Model, arguments: Arguments, *, pool: Any) -> None:
        self._arguments = {name: argument.clone() for name, argument in arguments.items()}
        self._graph = torch.cuda.CUDAGraph()
        # Thread-local, because another thread may be loading a checkpoint meanwhile.
        with torch.cuda.graph(self._graph, pool=pool, capture_error_mode="thread_local"):
            self._output = model(self._arguments)

    def replay(self, arguments: Arguments) -> Tensor:
        """Return the output for other arguments of the same shapes."""
        for name, argument in arguments.items():
            self._arguments[name].copy_(argument)
        self._graph.replay()
        # The next replay may overwrite the output: all graphs share their memory.
        return self._output.clone()
