"""A resumable training loop with numbered steps, a state file and a progress bar.

An interruption does not change the losses: every step has a random generator of its own, seeded by the stage's name and
the step's number.
"""

import hashlib
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from tqdm import tqdm


class Stateful(Protocol):
    """Something with a state to save: a module, an optimizer, a moving average."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any: ...


class Stage:
    """A training loop over `parts`, saved in `path`.

    `losses` are the mean losses of every 100 steps; `seconds` is the total time of training.
    """

    _MEAN_OVER = 100

    def __init__(
        self,
        name: str,
        path: Path,
        parts: Mapping[str, Stateful],
        optimizer: torch.optim.Optimizer,
        *,
        after_step: Callable[[], None] = lambda: None,
        save_every: float = 120.0,
    ) -> None:
        """Restore the state from `path` if it exists. `save_every` is in seconds."""
        self.name = name
        self.step = 0
        self.seconds = 0.0
        self.losses: list[float] = []
        self._path = path
        self._parts = dict(parts) | {"optimizer": optimizer}
        self._optimizer = optimizer
        self._after_step = after_step
        self._save_every = save_every
        self._sum = 0.0
        if path.exists():
            self._restore()

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of the current step."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate

    def run(self, steps: int, loss: Callable[[int, torch.Generator], torch.Tensor]) -> None:
        """Minimize `loss(step, generator)` up to step `steps`; return at once if that many are done.

        An interrupt (Ctrl-C, SIGTERM) finishes the current step, saves the state and raises KeyboardInterrupt.
        """
        if self.step >= steps:
            return
        now = saved = time.monotonic()
        with (
            _interrupts() as interrupted,
            tqdm(total=steps, initial=self.step, desc=self.name, unit="step") as bar,
        ):
            while self.step < steps and not interrupted:
                self._record(self._descend(loss(self.step, self._generator())))
                before, now = now, time.monotonic()
                self.seconds += now - before
                if now - saved > self._save_every:
                    self._save()
                    saved = now
                bar.set_postfix(
                    loss=f"{self.losses[-1]:.4f}" if self.losses else "-", refresh=False
                )
                bar.update()
        self._save()
        if interrupted:
            raise KeyboardInterrupt

    def _descend(self, loss: torch.Tensor) -> float:
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        parameters = [
            parameter for group in self._optimizer.param_groups for parameter in group["params"]
        ]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        self._optimizer.step()
        self._after_step()
        return loss.item()

    def mean_loss(self) -> float:
        """Return the mean loss since the last entry in `losses`, or that entry if there were no steps."""
        since = self.step % self._MEAN_OVER
        return self._sum / since if since else self.losses[-1]

    def _record(self, loss: float) -> None:
        self._sum += loss
        self.step += 1
        if self.step % self._MEAN_OVER == 0:
            self.losses.append(self._sum / self._MEAN_OVER)
            self._sum = 0.0

    def _generator(self) -> torch.Generator:
        digest = hashlib.sha256(f"{self.name}:{self.step}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big", signed=True))

    def _save(self) -> None:
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "losses": self.losses,
            "sum": self._sum,
            "parts": {name: part.state_dict() for name, part in self._parts.items()},
        }
        unfinished = self._path.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.replace(self._path)

    def _restore(self) -> None:
        state = torch.load(self._path, weights_only=True, map_location="cpu")
        self.step, self.seconds, self.losses, self._sum = (
            state["step"],
            state["seconds"],
            state["losses"],
            state["sum"],
        )
        for name, part in self._parts.items():
            part.load_state_dict(state["parts"][name])


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Yield a list that collects SIGINT and SIGTERM, which no longer end the process."""
    received: list[int] = []
    previous = {
        number: signal.signal(number, lambda caught, _: received.append(caught))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
