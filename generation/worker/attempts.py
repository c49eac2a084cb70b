"""The attempts that a worker has on its device. Any thread may use them."""

from collections.abc import Iterator
from contextlib import contextmanager

from generation.engine.loop.engine import Engine
from generation.models import Pause
from generation.worker.attempt import Attempt


class Attempts:
    """The running attempts by key. Iteration works on a copy, so that other threads may add and remove."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._by_key: dict[str, Attempt] = {}

    def __iter__(self) -> Iterator[Attempt]:
        return iter(list(self._by_key.values()))

    def __len__(self) -> int:
        return len(self._by_key)

    def __getitem__(self, key: str) -> Attempt:
        return self._by_key[key]

    @contextmanager
    def including(self, attempt: Attempt) -> Iterator[None]:
        """Count the attempt among the running ones inside the block."""
        self._by_key[attempt.key] = attempt
        try:
            yield
        finally:
            del self._by_key[attempt.key]

    def cancel_job(self, job_id: str) -> None:
        """Stop every attempt of the job at its next step. Unknown jobs have no effect."""
        for attempt in self:
            if str(attempt.job.pk) == job_id:
                self._engine.cancel(attempt.key)

    def give_up(self, attempt: Attempt) -> None:
        """Stop an attempt whose lease was lost: its end is not written down."""
        attempt.is_lost = True
        self._engine.cancel(attempt.key)

    def save_all(self) -> None:
        """Have the state of every attempt kept now."""
        self._engine.save()

    def pause(self, attempt: Attempt, why: Pause) -> None:
        """Take an attempt out at its next step, so that its job returns to the queue and goes on later."""
        attempt.paused_for = why
        self._engine.suspend(attempt.key)

    def pause_all(self, why: Pause) -> None:
        """Take every attempt out at its next step."""
        for attempt in self:
            self.pause(attempt, why)
