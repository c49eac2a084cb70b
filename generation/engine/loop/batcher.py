"""Batcher: weighted fair queueing of denoising steps.

Every run has a *due time* on a virtual clock. A step advances it by the step's work over the run's
weight, so a run of weight 2 comes due twice as often as one of weight 1. The clock itself advances
by the work done over the weight of all present runs: the pace of a run that gets exactly its share.
The run that is due first decides the batch; others of its batch key fill the remaining rows in the
order of their due times. A pass with a newcomer is kept short where that costs little, because a
newcomer waits longest for its first step.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol


@dataclass(eq=False, kw_only=True)
class _Entry:
    key: str
    batch_key: Hashable
    rows: int
    work: int
    weight: int
    turn: int
    due: float = 0.0
    is_new: bool = True

    @property
    def stride(self) -> float:
        return self.work / self.weight


class RowLimits(Protocol):
    """Most rows of a pass of a batch key, and the rows of a short pass that loses little."""

    def __call__(self, batch_key: Hashable, /) -> int: ...

    def short_pass(self, batch_key: Hashable, /) -> int: ...


class Batcher:
    """Chooses the runs of the next forward pass. Not thread-safe: the engine's loop owns it.

    Runs can share a pass if their `batch_key` is equal and their rows fit into `max_rows` of it.
    """

    def __init__(self, *, max_rows: RowLimits) -> None:
        self._max_rows = max_rows
        self._entries: dict[str, _Entry] = {}
        self._clock = 0.0
        self._turn = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, key: str, *, batch_key: Hashable, rows: int, work: int, weight: int) -> None:
        """Let a run take part.

        `rows` is its share of a pass, `work` the cost of its step (pixels x rows).
        """
        self._entries[key] = _Entry(
            key=key,
            batch_key=batch_key,
            rows=rows,
            work=work,
            weight=weight,
            turn=self._turn,
        )

    def remove(self, key: str) -> None:
        """Take a run out. Unknown keys have no effect."""
        self._entries.pop(key, None)

    def next_batch(self) -> list[str]:
        """Return the keys of the runs that step together now, and charge the step to them.

        The run that is due first is always included, even if its rows alone exceed the limit, so that no
        run starves.
        """
        if not self._entries:
            return []
        self._favor_newcomers()
        waiting = sorted(self._entries.values(), key=lambda entry: (entry.due, entry.turn))
        batch_key = waiting[0].batch_key
        fitting = [entry for entry in waiting if entry.batch_key == batch_key]
        max_rows = room = self._max_rows(batch_key)
        if any(entry.is_new for entry in fitting):
            room = self._max_rows.short_pass(batch_key)
        first, *others = fitting
        chosen, rows = [first], first.rows
        for entry in sorted(others, key=lambda entry: not entry.is_new):
            if rows + entry.rows <= (max_rows if entry.is_new else room):
                chosen.append(entry)
                rows += entry.rows
        self._book(chosen)
        return [entry.key for entry in chosen]

    def _favor_newcomers(self) -> None:
        """Give newcomers the earliest due time allowed, so that they step next."""
        earliest = self._earliest()
        for entry in self._entries.values():
            if entry.is_new:
                entry.due = earliest

    def _book(self, chosen: list[_Entry]) -> None:
        self._turn += 1
        total_weight = sum(entry.weight for entry in self._entries.values())
        self._clock += sum(entry.work for entry in chosen) / total_weight
        for entry in chosen:
            entry.due += entry.stride
            entry.turn = self._turn
            entry.is_new = False
        earliest = self._earliest()
        for entry in self._entries.values():
            # No run saves up credit while there is room for all, nor pays later for free rows.
            entry.due = min(max(entry.due, earliest), self._clock + entry.stride)

    def _earliest(self) -> float:
        """Return the earliest due time allowed: the longest step of any run before the clock."""
        return self._clock - max(entry.stride for entry in self._entries.values())
