"""Loader: loads checkpoints in a thread, keeps them in memory, evicts the least recently used.

A checkpoint whose files were replaced is loaded again for the next user. Its present users keep the old
one until they release it.
"""

import gc
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.catalogue import Checkpoint
from generation.engine.checkpoints.store import descriptor, identity, structure
from generation.engine.checkpoints.store.weights import Unusable
from generation.engine.diffusion.cuda_graphs import GraphPool
from generation.engine.diffusion.families import pipeline_class
from generation.engine.diffusion.families.components import Components, read_ahead
from generation.engine.diffusion.families.pipeline import Pipeline
from generation.engine.diffusion.preview import Projection
from generation.engine.loading.files_check import FilesCheck
from generation.engine.loading.optimizations import Optimizations
from generation.engine.loading.warmup import warm_up

logger = logging.getLogger(__name__)


class LoadError(Exception):
    """A checkpoint cannot be loaded; the message tells the operator why."""


class NoRoom(Exception):
    """The checkpoint doesn't fit beside those in use; ask again once one of them is released."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A checkpoint in memory; `num_bytes` are its weights, `load_us` its load time in microseconds."""

    pipeline: Pipeline
    num_bytes: int
    projection: Projection
    load_us: int


@dataclass(frozen=True, kw_only=True)
class _Footprint:
    """The memory that a load takes; without optional components if it does not fit with them."""

    num_bytes: int = 0
    load_optional: bool = True


@dataclass(eq=False, kw_only=True)
class _Entry:
    future: Future[Loaded]
    num_bytes: int
    users: int = 0
    last_used: float = field(default_factory=time.monotonic)


def pick_device() -> torch.device:
    """Return the best device of this machine."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


class Loader:
    """The checkpoints of one device.

    The engine's loop calls `acquire` and `release`; any thread may read `warm`. `root` is the folder
    of downloaded checkpoints. Without `budget_bytes` nothing is evicted.
    """

    def __init__(
        self,
        root: Path | None = None,
        *,
        device: torch.device | None = None,
        budget_bytes: int | None = None,
        optimizations: Optimizations | None = None,
    ) -> None:
        self.device = device or pick_device()
        self.budget_bytes = budget_bytes
        self.on_loaded: Callable[[], None] = lambda: None
        self._root = root
        self._optimizations = optimizations or Optimizations()
        self._graph_pool = GraphPool()
        self._footprints: dict[str, Future[_Footprint]] = {}
        self._entries: dict[str, _Entry] = {}
        # Replaced on disk, but still in use.
        self._replaced: list[_Entry] = []
        self._files = FilesCheck()
        diffusers_logging.disable_progress_bar()
        transformers_logging.disable_progress_bar()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loader")
        # Not behind a load: who waits for room must be known soon, so that others wait behind.
        self._measuring = ThreadPoolExecutor(max_workers=1, thread_name_prefix="measuring")

    @property
    def warm(self) -> frozenset[str]:
        """The ids of the checkpoints that are loaded or being loaded."""
        return frozenset(tuple(self._entries))

    @property
    def num_bytes(self) -> int:
        """Memory of all checkpoints, in bytes; an estimate for those that still load."""
        return sum(entry.num_bytes for entry in (*self._entries.values(), *self._replaced))

    def acquire(self, checkpoint: Checkpoint) -> Loaded | None:
        """Return the checkpoint and count a user until `release`; None while it loads.

        The first call starts the load. Raises LoadError if it failed (the next call tries again), and
        NoRoom if the checkpoint does not fit beside those in use.
        """
        entry = self._current(checkpoint) or self._start(checkpoint)
        if entry is None or not entry.future.done():
            return None
        if entry.future.exception():
            del self._entries[checkpoint.id]
        loaded = entry.future.result()
        entry.num_bytes = loaded.num_bytes
        entry.users += 1
        entry.last_used = time.monotonic()
        return loaded

    def release(self, checkpoint: Checkpoint, loaded: Loaded | None = None) -> None:
        """Undo one `acquire`. The checkpoint stays in memory until another needs the room.

        `loaded` is the result of that call; it is needed only if the files may have been replaced since.
        """
        for entry in self._replaced:
            if loaded is entry.future.result():
                break
        else:
            entry = self._entries[checkpoint.id]
        entry.users -= 1
        entry.last_used = time.monotonic()
        self._replaced = [entry for entry in self._replaced if entry.users]

    def close(self) -> None:
        """Wait for a load that is under way and end the threads."""
        self._measuring.shutdown(cancel_futures=True)
        self._thread.shutdown(cancel_futures=True)

    def _current(self, checkpoint: Checkpoint) -> _Entry | None:
        """Return the checkpoint's entry; None if there is none, or if its files were replaced."""
        entry = self._entries.get(checkpoint.id)
        if entry is None or not entry.future.done() or entry.future.exception():
            return entry
        present = self._files.identity(self._folder(checkpoint))
        # While the files are away, for a moment or for good, the loaded ones serve.
        if present in ("", entry.future.result().pipeline.version):
            return entry
        logger.info("checkpoint %s was replaced", checkpoint.id)
        del self._entries[checkpoint.id]
        if entry.users:
            self._replaced.append(entry)
        return None

    def _start(self, checkpoint: Checkpoint) -> _Entry | None:
        """Start the load; None until its footprint is known. Raises NoRoom.

        Files are read in other threads: a slow file system must not stop the engine's loop.
        """
        folder = self._folder(checkpoint)
        known = self._footprints.get(checkpoint.id)
        if known is None:
            known = self._measuring.submit(self._measure, checkpoint, folder)
            self._footprints[checkpoint.id] = known
            known.add_done_callback(lambda _: self.on_loaded())
        if not known.done():
            return None
        footprint = known.result()
        self._make_room(footprint.num_bytes)
        del self._footprints[checkpoint.id]
        load = self._thread.submit(
            self._load_in_new_thread, checkpoint, folder, load_optional=footprint.load_optional
        )
        entry = _Entry(future=load, num_bytes=footprint.num_bytes)
        load.add_done_callback(lambda _: self.on_loaded())
        self._entries[checkpoint.id] = entry
        return entry

    def _folder(self, checkpoint: Checkpoint) -> Path:
        try:
            return catalogue.folder(checkpoint, self._root)
        except ValueError as error:
            raise LoadError(str(error)) from None

    def _measure(self, checkpoint: Checkpoint, folder: Path) -> _Footprint:
        """Return the footprint. An unusable checkpoint has none: its load tells the reason."""
        try:
            checkpoint, counts = _inspect(checkpoint, folder)
        except Exception:  # noqa: BLE001  # the load meets it again
            return _Footprint()
        width = self._optimizations.dtype(checkpoint.family, self.device).itemsize
        num_bytes = width * sum(counts.values())
        if self.budget_bytes is None or num_bytes <= self.budget_bytes:
            return _Footprint(num_bytes=num_bytes)
        optional = width * counts.get(structure.DISPENSABLE, 0)
        return _Footprint(num_bytes=num_bytes - optional, load_optional=False)

    def _make_room(self, num_bytes: int) -> None:
        """Evict idle checkpoints, least recently used first. Raises NoRoom.

        A checkpoint that exceeds the budget alone is loaded once no other is left.
        """
        if self.budget_bytes is None:
            return
        idle = sorted(
            (id for id, entry in self._entries.items() if not entry.users and entry.future.done()),
            key=lambda id: self._entries[id].last_used,
        )
        while (self._entries or self._replaced) and self.num_bytes + num_bytes > self.budget_bytes:
            if not idle:
                raise NoRoom
            evicted = idle.pop(0)
            del self._entries[evicted]
            logger.info("evicted checkpoint %s", evicted)

    def _load_in_new_thread(
        self, checkpoint: Checkpoint, folder: Path, *, load_optional: bool
    ) -> Loaded:
        """Load in a thread that ends with the load.

        A thread that has used torch on the host keeps a pool of OpenMP threads. Beside such a pool the
        threads of the engine's loop stop spinning while they wait, and its steps take twice as long.
        """
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="load") as thread:
            return thread.submit(
                self._load, checkpoint, folder, load_optional=load_optional
            ).result()

    def _load(self, checkpoint: Checkpoint, folder: Path, *, load_optional: bool) -> Loaded:
        # Taken first: files that change during the load make the next user load again.
        version = identity.of_folder(folder)
        checkpoint, _counts = _inspect(checkpoint, folder)
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        started = time.perf_counter_ns()
        try:
            components = Components(
                folder=folder,
                device=self.device,
                dtype=self._optimizations.dtype(checkpoint.family, self.device),
                load_optional=load_optional,
            )
            # On a CPU, reading ahead would take cores from the steps of other checkpoints.
            reading = nullcontext if self.device.type == "cpu" else read_ahead
            with reading(components) as components:
                pipeline = pipeline_class(checkpoint.family).load(checkpoint, components)
            pipeline.version = version
            self._optimizations.apply(pipeline, self._graph_pool)
            if self._optimizations.compiled:
                warm_up(pipeline, checkpoint)
            projection = Projection.fit(pipeline)
        except Exception as error:
            raise LoadError(f"{folder} could not be loaded: {error!r}") from error
        load_us = (time.perf_counter_ns() - started) // 1_000
        logger.info("loaded checkpoint %s in %d ms", checkpoint.id, load_us // 1_000)
        return Loaded(
            pipeline=pipeline,
            num_bytes=pipeline.num_bytes,
            projection=projection,
            load_us=load_us,
        )


def _inspect(checkpoint: Checkpoint, folder: Path) -> tuple[Checkpoint, dict[str, int]]:
    """Return the checkpoint, as its folder describes it now, and the number of weights of each part.

    Raises LoadError.
    """
    try:
        if checkpoint.source == descriptor.OWN:
            checkpoint = descriptor.read(folder)
        return checkpoint, structure.require(folder, checkpoint.family)
    except (Unusable, OSError, ValueError) as error:
        raise LoadError(str(error)) from error
