"""Keeps docs/benchmarks.md: a row for each figure, and below what people have written about them."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch

from sdsite.processes import PROJECT
from tests.bench.figures import MEASUREMENTS, Figure, names

PAGE = PROJECT / "docs" / "benchmarks.md"

_HEAD = """\
# Benchmarks

Each figure is a ratio of two sides measured in turn on the same machine, unless its unit says otherwise; the last
column says what is divided by what. `make bench` measures all, `python -m tests.bench NAME ...` some; with `--write`
their rows here are renewed. All were measured on {device}.

| figure | value | goal | date | what it is |
|---|---|---|---|---|
{rows}
"""
_ROW = re.compile(r"^\| ([^|]+?) \|.*\|$", re.MULTILINE)
_NOTES = "\n## "


def write(measured: Mapping[str, Sequence[Figure]]) -> None:
    """Renew the rows of these measurements; other rows, and everything from the first chapter on, stay."""
    old = PAGE.read_text() if PAGE.exists() else ""
    table, chapter, notes = old.partition(_NOTES)
    rows = {
        match[1]: match[0] for match in _ROW.finditer(table) if match[1] not in {"figure", "---"}
    }
    for name, figures in measured.items():
        what = (MEASUREMENTS[name].__doc__ or "").strip().splitlines()[0]
        for figure in figures:
            rows[figure.name] = _row(figure, what)
    order = names()
    ordered = sorted(rows, key=lambda row: (_place(row, order), row))
    PAGE.write_text(
        _HEAD.format(device=_device(), rows="\n".join(rows[row] for row in ordered))
        + chapter
        + notes
    )


def _row(figure: Figure, what: str) -> str:
    date = f"{datetime.now(UTC):%Y-%m-%d}"
    value = f"{figure.value:.3f} {figure.unit}"
    return f"| {figure.name} | {value} | {figure.goal} | {date} | {what} |"


def _place(row: str, order: Sequence[str]) -> int:
    """A figure's name begins with that of its measurement."""
    own = [name for name in order if row == name or row.startswith((f"{name}_", f"{name} "))]
    return order.index(max(own, key=len)) if own else len(order)


def _device() -> str:
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    model = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}"
