"""Who takes the next denoising step.

Weighted fair queueing. Every run has a *due time* on a virtual clock: a step moves it on by the
step's work over the run's weight, so that a run of weight 2 comes due twice as often as one of
weight 1. The clock itself moves by the work done over the weight of everybody present: the pace of
a run that gets exactly its share. The run that is due first decides what is batched; others of its
batch key fill the rows that are left, in the order of their due times. A pass with a newcomer is kept
short where that costs hardly anything: who has just come waits for the first step longest.
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
    """How many rows a pass over runs of a batch key may have, and how many a short one has that loses little."""

    def __call__(self, batch_key: Hashable, /) -> int: ...

    def short_pass(self, batch_key: Hashable, /) -> int: ...


class Batcher:
    """Chooses which runs share the next forward pass. Not thread-safe: the engine's loop owns it.

    Runs can share a pass if their `batch_key` is equal, and as far as their rows fit into what
    `max_rows` says of that key.
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

        `rows` are what it adds to a pass, `work` what its step costs (pixels x rows).
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
        """Take a run out; unknown keys have no effect."""
        self._entries.pop(key, None)

    def next_batch(self) -> list[str]:
        """Return the keys of the runs that step together now, and book the step to them.

        The run that is due first is always among them, even if its rows alone exceed them: so
        nobody starves.
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
        """Put them as far ahead of their share as anybody may be: their first step comes at once."""
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
            # Nobody saves up credit while there is room for all, nor pays later for free rows.
            entry.due = min(max(entry.due, earliest), self._clock + entry.stride)

    def _earliest(self) -> float:
        """As far ahead of its share as anybody may be: by the longest step that one may have to wait for."""
        return self._clock - max(entry.stride for entry in self._entries.values())
