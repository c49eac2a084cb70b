"""CUDA graphs: a model's pass recorded for each shape of its arguments, and played again after that.

A denoiser is a thousand kernels or more. For a batch of few rows their launches, one by one from Python,
take longer than the GPU needs to compute them; a recording is launched as a whole.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

Arguments = Mapping[str, Tensor]
Model = Callable[[Arguments], Tensor]

# Of one checkpoint. Each takes some megabytes, beside the memory of the largest, which all use.
MOST_RECORDINGS = 64


class Graphed:
    """A model that is recorded when arguments of the same shapes come again. Not thread-safe, like the model itself.

    The model may not wait for the device, nor do anything on the host that depends on the values.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._seen: set[Hashable] = set()
        self._recordings: OrderedDict[Hashable, _Recording | None] = OrderedDict()
        self._pool: Any = None

    def __call__(self, arguments: Arguments) -> Tensor:
        """Return what the model makes of the arguments.

        Raises what the model raises. When memory runs out, the recordings give back theirs first.
        """
        shapes = tuple((name, tuple(each.shape), each.dtype) for name, each in arguments.items())
        if recording := self._recordings.get(shapes):
            self._recordings.move_to_end(shapes)
            return recording.play(arguments)
        try:
            output = self._model(arguments)
        except torch.OutOfMemoryError:
            self.forget()
            raise
        if shapes in self._seen and shapes not in self._recordings:
            self._record(shapes, arguments)
        self._seen.add(shapes)
        return output

    def forget(self) -> None:
        """Drop all recordings, and with them the memory that they work in."""
        self._seen.clear()
        self._recordings.clear()
        self._pool = None

    def _record(self, shapes: Hashable, arguments: Arguments) -> None:
        """Record the model, which has just seen such arguments: so it is warmed up.

        One that can't be recorded is not tried again, and stays as fast as it is.
        """
        self._recordings[shapes] = None
        try:
            self._pool = self._pool or torch.cuda.graph_pool_handle()
            self._recordings[shapes] = _Recording(self._model, arguments, pool=self._pool)
        except Exception as error:  # noqa: BLE001  # it has worked without
            logger.warning("a pass of %s was not recorded: %s", shapes, error)
        if len(self._recordings) > MOST_RECORDINGS:
            self._recordings.popitem(last=False)


class _Recording:
    """The graph of one pass, with the memory that its arguments and its output have in it."""

    def __init__(self, model: Model, arguments: Arguments, *, pool: Any) -> None:
        self._arguments = {name: argument.clone() for name, argument in arguments.items()}
        self._graph = torch.cuda.CUDAGraph()
        # Of this thread alone: another may be loading a checkpoint meanwhile.
        with torch.cuda.graph(self._graph, pool=pool, capture_error_mode="thread_local"):
            self._output = model(self._arguments)

    def play(self, arguments: Arguments) -> Tensor:
        """Compute the output for other arguments of the same shapes."""
        for name, argument in arguments.items():
            self._arguments[name].copy_(argument)
        self._graph.replay()
        # The next recording that is played may write over it: all share their memory.
        return self._output.clone()
