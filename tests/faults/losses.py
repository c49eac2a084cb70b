"""The work that is lost when a worker is killed: what its runs did after the state that they go on from.

Workers note when each state was made. The clock is the system's monotonic one, which its processes share.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generation.engine.events import Saved, Started, Suspended
from generation.engine.loop.engine import Engine
from generation.jobs import leases
from generation.models import Job, Status
from tests.bench.trials import percentile

Made = Mapping[tuple[str, int], float]


def note_states(path: str) -> None:
    """Have this process's engine note in the file when each run started, and when each state was made."""
    # Each line is one call, so that processes don't mix theirs, and no kill cuts one.
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    take_turn = Engine.step

    def noting(engine):
        # The begin is before whatever a turn makes, so that no loss looks smaller than it is.
        began = time.monotonic()
        events = take_turn(engine)
        for event in events:
            match event:
                case Started(key=key):
                    os.write(file, f"{key} 0 {began}\n".encode())
                case Saved(key=key, saved=saved) | Suspended(key=key, saved=saved) if saved:
                    os.write(file, f"{key} {saved.step} {began}\n".encode())
        return events

    Engine.step = noting


def read_states(path: Path) -> Made:
    """When each state was made, by its attempt's key and its step; with step 0, when the attempt started."""
    lines = [line.split() for line in path.read_text().splitlines()]
    return {(key, int(step)): float(at) for key, step, at in lines}


@dataclass(frozen=True, kw_only=True)
class Killed:
    """A job as its worker was killed, and the step of the state that this attempt had kept; 0 without one."""

    job: Job
    step: int
    at: float

    @property
    def key(self) -> str:
        """The engine's name for the attempt."""
        return f"{self.job.pk}:{self.job.attempt}"

    @property
    def starts_over(self) -> bool:
        """True if it was taken for the cause, so that the state that it had counts no more."""
        moves = self.job.transitions.filter(attempt=self.job.attempt, was=Status.RUNNING)
        return bool(self.step or self.job.paused_step) and moves.get().note == leases.LAPSED


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Seconds of work lost at kills, of jobs with a state of the killed attempt, and of those that had none yet.

    `over` are the jobs that start over by the rule for suspects.
    """

    since_state: Sequence[float]
    before_state: Sequence[float]
    over: int

    def __str__(self) -> str:
        return (
            f"lost since the last state: {_summary(self.since_state)}; "
            f"before the first: {_summary(self.before_state)}; {self.over} start over as suspects"
        )


def losses(killed: Sequence[Killed], made: Made) -> Losses:
    """What was lost at each kill. A job that its worker had only claimed lost nothing, and is left out."""
    begun = [each for each in killed if (each.key, 0) in made]
    going_on = [each for each in begun if not each.starts_over]
    return Losses(
        since_state=[each.at - made[each.key, each.step] for each in going_on if each.step],
        before_state=[each.at - made[each.key, 0] for each in going_on if not each.step],
        over=len(begun) - len(going_on),
    )


def _summary(seconds: Sequence[float]) -> str:
    if not seconds:
        return "no kill"
    p50, p95 = (percentile(seconds, each) for each in (50, 95))
    return f"{len(seconds)} jobs, p50 {p50:.2f} s, p95 {p95:.2f} s, most {max(seconds):.2f} s"
