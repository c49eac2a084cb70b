"""Updates docs/benchmarks.md: one row a figure, above the notes."""

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

Each figure is a ratio of two sides measured in turn on the same machine, unless its unit says otherwise. `make bench`
measures all, `python -m tests.bench NAME ...` some; with `--write` their rows of the device here are renewed.
"""
_SECTION = """
### {name}

{what}

| figure | value | goal | device | date |
|---|---|---|---|---|
{rows}
"""
_ROW = re.compile(r"^\| ([^|]+?) \|[^|]+\|[^|]+\| ([^|]+?) \|[^|]+\|$", re.MULTILINE)
_NOTES = "\n## "


def write(measured: Mapping[str, Sequence[Figure]]) -> None:
    """Renew the rows of these measurements on this device; others, and all from the first chapter on, stay."""
    old = PAGE.read_text() if PAGE.exists() else ""
    tables, chapter, notes = old.partition(_NOTES)
    here = _device()
    rows = {(match[1], match[2]): match[0] for match in _ROW.finditer(tables) if _owner(match[1])}
    rows = {
        (figure, device): row
        for (figure, device), row in rows.items()
        if device != here or _owner(figure) not in measured
    }
    for figures in measured.values():
        rows |= {(figure.name, here): _row(figure, here) for figure in figures}
    sections = [
        _SECTION.format(
            name=name,
            what=(MEASUREMENTS[name].__doc__ or "").strip().splitlines()[0],
            rows="\n".join(row for (figure, _), row in rows.items() if _owner(figure) == name),
        )
        for name in names()
        if any(_owner(figure) == name for figure, _ in rows)
    ]
    PAGE.write_text(_HEAD + "".join(sections) + chapter + notes)


def _row(figure: Figure, device: str) -> str:
    date = f"{datetime.now(UTC):%Y-%m-%d}"
    return (
        f"| {figure.name} | {figure.value:.3f} {figure.unit} | {figure.goal} | {device} | {date} |"
    )


def _owner(figure: str) -> str | None:
    """The measurement whose name the figure's begins with."""
    return next(
        (name for name in names() if figure == name or figure.startswith((f"{name}_", f"{name} "))),
        None,
    )


def _device() -> str:
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    model = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}"
