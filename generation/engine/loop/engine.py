"""Engine: steps many runs at once on one device and returns their events."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import torch
from PIL.Image import Image

from generation.engine.events import Event
from generation.engine.loading.loader import Loader
from generation.engine.loop.batch_limit import BatchLimit
from generation.engine.loop.mailbox import Mailbox
from generation.engine.loop.runner import ModelRunner, Stats
from generation.engine.loop.scheduler import Scheduler
from generation.engine.loop.ticket import Ticket, first_checkpoint, steps_to_keep
from generation.engine.loop.turn import Turn
from generation.engine.request import GenerationRequest
from generation.engine.saved_run import SavedRun


class Engine:
    """One device's runs.

    Any thread may call `submit`, `cancel`, `suspend` and `save`; one thread calls `wait` and `step` in turn.
    """

    def __init__(
        self,
        *,
        loader: Loader,
        batch_limit: BatchLimit | None = None,
        preview_interval: float = 0.25,
        save_interval: float = math.inf,
        kept_shares: Sequence[float] = (),
    ) -> None:
        """`preview_interval` and `save_interval` are the least seconds between two of one run.

        A run keeps its state at `kept_shares` of its whole schedule, for other requests to go on from.
        """
        self._mailbox = Mailbox()
        loader.on_loaded = self._mailbox.wake
        self._scheduler = Scheduler(loader, batch_limit or BatchLimit())
        self._runner = ModelRunner(loader.device)
        self._preview_interval = preview_interval
        self._save_interval = save_interval
        self._kept_shares = tuple(kept_shares)

    @property
    def stats(self) -> Stats:
        """Totals of the device's work since the start."""
        return self._runner.stats

    @property
    def busy_us(self) -> int:
        """Microseconds of device time spent on encoding, stepping and decoding."""
        return sum(self.stats.us[phase] for phase in ("encode", "step", "decode"))

    @property
    def has_runs(self) -> bool:
        """True while a run that `step` has received has not ended."""
        return bool(self._scheduler.tickets)

    def submit(
        self,
        request: GenerationRequest,
        *,
        key: str,
        inputs: Mapping[str, Image] = MappingProxyType({}),
        weight: int = 1,
        budget_us: int | None = None,
        deadline: float | None = None,
        wants_preview: Callable[[], bool] = lambda: False,
        saved: SavedRun | None = None,
        origin: SavedRun | None = None,
    ) -> None:
        """Queue a request; its events carry `key`, which no other run that hasn't ended may have.

        `inputs` are the images that the request names, by the names of its fields.
        The run fails once it was billed `budget_us` microseconds, or when `deadline` (of
        `time.monotonic`) has passed. The loop calls `wants_preview`, which must return at once.
        The run goes on from what was `saved` of it, or starts over if that is of other weights. It starts
        from the state that the request names as its `origin`, and fails if it can't.
        """
        if bool(request.origin) != (origin is not None):
            raise ValueError("a request with an origin and its state come together")
        self._mailbox.submit(
            Ticket(
                key=key,
                request=request,
                inputs=inputs,
                checkpoint=first_checkpoint(request, saved or origin),
                weight=weight,
                budget_us=budget_us,
                deadline=deadline,
                wants_preview=wants_preview,
                saved=saved,
                origin=origin,
                kept_steps=steps_to_keep(request, self._kept_shares),
            )
        )

    def cancel(self, key: str) -> None:
        """End a run before its next step. Unknown keys and ended runs have no effect."""
        self._mailbox.cancel(key)

    def suspend(self, key: str) -> None:
        """Take a run out before its next step, and say what it can go on from. As `cancel` otherwise."""
        self._mailbox.suspend(key)

    def save(self) -> None:
        """Save every run at once that has taken a step."""
        self._mailbox.save()

    def wait(self, timeout: float) -> bool:
        """Block until there is something to do, at most `timeout` seconds; False on timeout."""
        if self._scheduler.has_work:
            return True
        deadline = self._scheduler.earliest_deadline
        has_mail = self._mailbox.wait(max(0.0, min(timeout, deadline - time.monotonic())))
        return has_mail or time.monotonic() >= deadline

    @torch.inference_mode()
    def step(self) -> list[Event]:
        """Take one turn: admit, encode, one denoising step of one batch, decode.

        Returns the events of the turn, in order. Never waits for a load. An error of a run becomes
        its Failed event and is not raised.
        """
        turn = Turn(
            mailbox=self._mailbox,
            scheduler=self._scheduler,
            runner=self._runner,
            preview_interval=self._preview_interval,
            save_interval=self._save_interval,
        )
        return turn.take()
