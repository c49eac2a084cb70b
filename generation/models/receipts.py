"""Receipts: lines of whole milliseconds, by phase, that add up to the charge."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing import pricing
from generation.engine.charges import Charge

# Phases in the order of a job's life.
QUEUE, LOAD, ENCODE, STEP, DECODE = "queue", "load", "encode", "step", "decode"
SAFETY, STORAGE = "safety", "storage"
# A negative line for the time beyond the quote's ceiling.
OVER_QUOTE = "over_quote"
NAMES: Mapping[str, str | Promise] = {
    QUEUE: _("Waiting in line"),
    LOAD: _("Loading the model"),
    ENCODE: _("Reading the prompt"),
    STEP: _("Denoising steps"),
    DECODE: _("Turning latents into pixels"),
    SAFETY: _("Safety check"),
    STORAGE: _("Storing the picture"),
    OVER_QUOTE: _("Beyond the quote: we pay this"),
}
# Reasons why a line is free that would otherwise be billed.
FAILED, RELAXED, CREDITS = "failed", "relaxed", "credits"
REASONS: Mapping[str, str | Promise] = {
    QUEUE: _("waiting is free"),
    LOAD: _("loading is on us"),
    SAFETY: _("checking is on us"),
    STORAGE: _("storing is on us"),
    OVER_QUOTE: _("we keep to the quote"),
    FAILED: _("what fails is free"),
    RELAXED: _("relaxed pictures are free"),
    CREDITS: _("paid in credits, at a fixed price"),
}


@dataclass(frozen=True, kw_only=True)
class ReceiptLine:
    """`ms` of one phase; `index` counts steps and pictures from 1.

    `why` is one of FAILED, RELAXED and CREDITS if the line would otherwise be billed.
    """

    phase: str
    ms: int
    billed: bool
    index: int | None = None
    why: str = ""

    @property
    def reason(self) -> str | Promise:
        """The reason why the line is free; empty if it is billed."""
        return "" if self.billed else REASONS.get(self.why or self.phase, "")


@dataclass(frozen=True)
class Group:
    """The lines of one phase."""

    lines: tuple[ReceiptLine, ...]

    @property
    def phase(self) -> str:
        return self.lines[0].phase

    @property
    def name(self) -> str | Promise:
        return NAMES[self.phase]

    @property
    def billed(self) -> bool:
        return self.lines[0].billed

    @property
    def reason(self) -> str | Promise:
        return self.lines[0].reason

    @property
    def ms(self) -> int:
        return sum(line.ms for line in self.lines)


@dataclass(frozen=True)
class Receipt:
    """The billed lines sum to `charged_ms`."""

    lines: tuple[ReceiptLine, ...]

    @property
    def charged_ms(self) -> int:
        return sum(line.ms for line in self.lines if line.billed)

    @property
    def groups(self) -> list[Group]:
        """The lines grouped by phase."""
        phases = groupby(self.lines, key=lambda line: line.phase)
        return [Group(tuple(lines)) for _phase, lines in phases]

    @property
    def steps(self) -> tuple[ReceiptLine, ...]:
        return tuple(line for line in self.lines if line.phase == STEP)

    def to_dict(self) -> dict[str, Any]:
        return {"lines": [asdict(line) for line in self.lines]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Receipt":
        return cls(tuple(ReceiptLine(**line) for line in data["lines"]))


def charged(charges: Sequence[Charge], *, ceiling_ms: int, **free_ms: int) -> Receipt:
    """The receipt of a run that is charged, at most `ceiling_ms`. `free_ms` are phases that cost nothing."""
    lines = _lines(charges, free_ms)
    excess = sum(line.ms for line in lines if line.billed) - ceiling_ms
    if excess > 0:
        lines.append(ReceiptLine(phase=OVER_QUOTE, ms=-excess, billed=True))
    return Receipt(tuple(lines))


def free(charges: Sequence[Charge], *, why: str = "", **free_ms: int) -> Receipt:
    """The receipt of a run that costs no GPU time; `why` marks the lines that otherwise would."""
    lines = _lines(charges, free_ms)
    return Receipt(
        tuple(replace(line, billed=False, why=why) if line.billed else line for line in lines)
    )


def device_ms(charges: Iterable[Charge]) -> int:
    """Device time in whole milliseconds, charged or not."""
    return pricing.capture_ms(sum(charge.us for charge in charges))


def _lines(charges: Iterable[Charge], free_ms: Mapping[str, int]) -> list[ReceiptLine]:
    """The lines in the order of NAMES, rounded so that billed lines add up to the rounded sum."""
    lines = [ReceiptLine(phase=phase, ms=ms, billed=False) for phase, ms in free_ms.items()]
    total_us = 0
    for charge in charges:
        ms = round(charge.us / 1_000)
        if charge.billed:
            ms = pricing.capture_ms(total_us + charge.us) - pricing.capture_ms(total_us)
            total_us += charge.us
        lines.append(
            ReceiptLine(phase=charge.phase, ms=ms, billed=charge.billed, index=charge.index)
        )
    return sorted(lines, key=lambda line: list(NAMES).index(line.phase))
