"""A worker in this process, which a test can hold between two steps."""

import math
import threading
from collections.abc import Callable, Sequence

import torch
from django.db import connection

from generation.engine.events import Event, Stepped
from generation.engine.loading.loader import Loader
from generation.engine.loop.engine import Engine
from generation.models import Job
from generation.worker.survey import Survey
from generation.worker.worker import Worker
from tests.running import wait_for

PATIENCE = 120.0


class Machine:
    """One device. `ring` rings a bell; `hold` and `go` stop and start the engine's loop.

    `errors` are those that got out of a bell's answer: the test must expect them.
    """

    def __init__(
        self,
        *,
        slots: int = 2,
        name: str = "machine:1",
        survey: Survey | None = None,
        save_interval: float = math.inf,
        kept_shares: Sequence[float] = (),
    ) -> None:
        # One thread is faster for such small work, above all on a busy machine.
        self._torch_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        self.loader = Loader()
        self.engine = Engine(
            loader=self.loader,
            preview_interval=0.0,
            save_interval=save_interval,
            kept_shares=kept_shares,
        )
        self.worker = Worker(self.engine, self.loader, name=name, slots=slots, survey=survey)
        self.errors: list[Exception] = []
        self._threads: list[threading.Thread] = []
        self._hold_at: int | None = None
        self._held = threading.Event()
        self._go = threading.Event()
        self._go.set()
        self._step = self.engine.step
        self.engine.step = self._step_or_wait  # type: ignore[method-assign]
        self.worker.start()

    def ring(self) -> None:
        """Answer a bell in a new thread."""
        thread = threading.Thread(target=self._work)
        thread.start()
        self._threads.append(thread)

    def hold(self, *, at_step: int = 0) -> None:
        """Stop the engine's loop after a run's step number `at_step`."""
        self._held.clear()
        self._hold_at = at_step
        if at_step == 0:
            self._go.clear()

    def wait_until_held(self) -> None:
        assert self._held.wait(PATIENCE)

    def go(self) -> None:
        self._hold_at = None
        self._go.set()

    def wait_until_idle(self) -> None:
        """Wait until every bell has been answered."""
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def end(self) -> None:
        self.go()
        self.worker.stop(grace=0)
        self.wait_until_idle()
        self.worker.close()
        torch.set_num_threads(self._torch_threads)
        assert self.errors == []

    def _work(self) -> None:
        try:
            self.worker.work()
        except Exception as error:  # noqa: BLE001  # which Celery would log
            self.errors.append(error)
        finally:
            connection.close()

    def _step_or_wait(self) -> list[Event]:
        if not self._go.is_set():
            self._held.set()
            assert self._go.wait(PATIENCE)
        events = self._step()
        if any(isinstance(event, Stepped) and event.step == self._hold_at for event in events):
            self._go.clear()
        return events


def wait_for_status(job: Job, status: str) -> Job:
    """Wait for the status; returns the job."""

    def row() -> Job:
        return Job.objects.get(pk=job.pk)

    wait_for(lambda: row().status == status, seconds=PATIENCE)
    return row()


def wait_for_all(condition: Callable[[Job], bool], *jobs: Job) -> list[Job]:
    """Wait until the condition holds for every job; returns the jobs."""

    def rows() -> list[Job]:
        return [Job.objects.get(pk=job.pk) for job in jobs]

    wait_for(lambda: all(condition(row) for row in rows()), seconds=PATIENCE)
    return rows()
