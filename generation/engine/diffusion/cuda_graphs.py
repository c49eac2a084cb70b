"""CUDA graphs: a model's pass recorded for each shape of its arguments, and played again after that.

A denoiser is a thousand kernels or more. For a batch of few rows their launches, one by one from Python,
take longer than the GPU needs to compute them; a recording is launched as a whole.
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
MOST_RECORDINGS = 64


class Recorder:
    """Records the models of one device. They are played in turn, so that all can work in the same memory."""

    def __init__(self) -> None:
        self._pool: Any = None
        self._models: WeakSet[Recorded] = WeakSet()
        # A model is wrapped by the thread that loads it.
        self._models_lock = Lock()

    def wrap(self, model: Model) -> "Recorded":
        """Return the model, to be called the same way.

        It may not wait for the device, nor do anything on the host that depends on the values.
        """
        recorded = Recorded(model, self)
        with self._models_lock:
            self._models.add(recorded)
        return recorded

    def forget(self) -> None:
        """Drop all recordings of all models, and with them the memory that they work in."""
        with self._models_lock:
            for model in self._models:
                model.forget()
        self._pool = None

    def record(self, model: Model, arguments: Arguments) -> "_Recording":
        """Record a pass of the model, which is warmed up for such arguments."""
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        return _Recording(model, arguments, pool=self._pool)


class Recorded:
    """A model whose passes are recorded by the shapes of its arguments. Not thread-safe, like the model itself."""

    def __init__(self, model: Model, recorder: Recorder) -> None:
        self._model = model
        self._recorder = recorder
        self._seen: set[Hashable] = set()
        self._due: tuple[Hashable, Arguments] | None = None
        self._recordings: OrderedDict[Hashable, _Recording | None] = OrderedDict()

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
            self.make_room()
            raise
        if shapes in self._seen and shapes not in self._recordings:
            self._due = (shapes, arguments)
        self._seen.add(shapes)
        return output

    def record(self) -> None:
        """Record the last pass, if its shapes had come before: the model is warmed up for them.

        One that can't be recorded is not tried again, and stays as fast as it is.
        """
        if self._due is None:
            return
        (shapes, arguments), self._due = self._due, None
        self._recordings[shapes] = None
        try:
            self._recordings[shapes] = self._recorder.record(self._model, arguments)
        except Exception as error:  # noqa: BLE001  # it has worked without
            logger.warning("a pass of %s was not recorded: %s", shapes, error)
        if len(self._recordings) > MOST_RECORDINGS:
            self._recordings.popitem(last=False)

    def make_room(self) -> None:
        """Have the memory back in which its recordings and those of the others work."""
        self._recorder.forget()

    def forget(self) -> None:
        """Drop its recordings."""
        self._due = None
        self._seen.clear()
        self._recordings.clear()


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
