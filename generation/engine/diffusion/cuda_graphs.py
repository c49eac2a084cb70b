"""CUDA graphs: a model's pass recorded for each shape of its arguments, and played again after that.

A denoiser is a thousand kernels or more. For a batch of few rows their launches, one by one from Python,
take longer than the GPU needs to compute them; a graph is launched as a whole.
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

# Of one model. Each takes some megabytes, beside the memory that all work in.
MAX_GRAPHS = 64


class GraphPool:
    """Records the models of one device. They are played in turn, so that all can work in the same memory."""

    def __init__(self) -> None:
        self._pool: Any = None
        self._models: WeakSet[GraphedModel] = WeakSet()
        # A model is wrapped by the thread that loads it.
        self._models_lock = Lock()

    def wrap(self, model: Model) -> "GraphedModel":
        """Return the model, to be called the same way.

        It may not wait for the device, nor do anything on the host that depends on the values.
        """
        graphed = GraphedModel(model, self)
        with self._models_lock:
            self._models.add(graphed)
        return graphed

    def clear(self) -> None:
        """Drop all recordings of all models, and with them the memory that they work in."""
        with self._models_lock:
            for model in self._models:
                model.clear()
        self._pool = None

    def capture(self, model: Model, arguments: Arguments) -> "_CapturedGraph":
        """Record a pass of the model, which is warmed up for such arguments."""
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        return _CapturedGraph(model, arguments, pool=self._pool)


class GraphedModel:
    """A model whose passes are recorded by the shapes of its arguments. Not thread-safe, like the model itself."""

    def __init__(self, model: Model, graph_pool: GraphPool) -> None:
        self._model = model
        self._graph_pool = graph_pool
        self._warmed_up: set[Hashable] = set()
        self._pending: tuple[Hashable, Arguments] | None = None
        self._graphs: OrderedDict[Hashable, _CapturedGraph | None] = OrderedDict()

    def __call__(self, arguments: Arguments) -> Tensor:
        """Return what the model makes of the arguments.

        Raises what the model raises. When memory runs out, the recordings give back theirs first.
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
        """Record the last pass, if its shapes had come before: the model is warmed up for them.

        One that can't be recorded is not tried again, and stays as fast as it is.
        """
        if self._pending is None:
            return
        (shapes, arguments), self._pending = self._pending, None
        self._graphs[shapes] = None
        try:
            self._graphs[shapes] = self._graph_pool.capture(self._model, arguments)
        except Exception as error:  # noqa: BLE001  # it has worked without
            logger.warning("a pass of %s was not recorded: %s", shapes, error)
        if len(self._graphs) > MAX_GRAPHS:
            self._graphs.popitem(last=False)

    def release_memory(self) -> None:
        """Have the memory back in which its recordings and those of the others work."""
        self._graph_pool.clear()

    def clear(self) -> None:
        """Drop its recordings."""
        self._pending = None
        self._warmed_up.clear()
        self._graphs.clear()


class _CapturedGraph:
    """The graph of one pass, with the memory that its arguments and its output have in it."""

    def __init__(self, model: Model, arguments: Arguments, *, pool: Any) -> None:
        self._arguments = {name: argument.clone() for name, argument in arguments.items()}
        self._graph = torch.cuda.CUDAGraph()
        # Of this thread alone: another may be loading a checkpoint meanwhile.
        with torch.cuda.graph(self._graph, pool=pool, capture_error_mode="thread_local"):
            self._output = model(self._arguments)

    def replay(self, arguments: Arguments) -> Tensor:
        """Compute the output for other arguments of the same shapes."""
        for name, argument in arguments.items():
            self._arguments[name].copy_(argument)
        self._graph.replay()
        # The next graph that is played may write over it: all share their memory.
        return self._output.clone()
