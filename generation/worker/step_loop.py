"""The thread that steps the engine for all running jobs, and passes its events on."""

import threading

from generation.engine.events import (
    Canceled,
    Drafted,
    Event,
    Failed,
    Finished,
    Loading,
    Previewed,
    Saved,
    Started,
    Stepped,
    Suspended,
)
from generation.engine.loop.engine import Engine
from generation.worker.attempts import Attempts
from generation.worker.publisher import Preview, Publisher
from generation.worker.watchdog import Pulse

# An idle loop checks this often that the worker is still open.
IDLE_SECONDS = 1.0


class StepLoop:
    """Call `run` in a thread of its own; it returns once `is_closed` is set."""

    def __init__(self, engine: Engine, *, attempts: Attempts, publisher: Publisher) -> None:
        self._engine = engine
        self._attempts = attempts
        self._publisher = publisher
        self.pulse = Pulse()

    def run(self, is_closed: threading.Event) -> None:
        while not is_closed.is_set():
            self.pulse.beat()
            if not self._engine.wait(IDLE_SECONDS):
                continue
            # The wait was no part of the step.
            self.pulse.beat()
            for event in self._engine.step():
                self._pass_on(event)

    def _pass_on(self, event: Event) -> None:
        attempt = self._attempts[event.key]
        match event:
            case Loading():
                attempt.enter("loading")
            case Started():
                attempt.enter("encoding")
            case Stepped(step=step, steps=steps, billed_us=billed_us):
                attempt.note_step(step, billed_us=billed_us)
                attempt.enter("decoding" if step == steps else "denoising")
            case Previewed(image=image):
                preview = Preview(job=attempt.job.pk, seq=attempt.seq, image=image)
                self._publisher.preview(attempt.job.user_id, preview)
                return
            case Saved(saved=saved):
                self._publisher.save(attempt, saved)
                return
            case Finished() | Drafted() | Failed() | Canceled() | Suspended():
                attempt.end.set_result(event)
                return
        if attempt.has_news:
            self._publisher.progress(attempt.job.user_id, attempt.progress())
