"""The model card: what made the checkpoint, what it scores, and a grid of what it draws, nothing picked out."""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from generation.engine.sketchbook.evaluate import Report
from generation.engine.sketchbook.pictures import Pixels
from generation.engine.sketchbook.stage import Stage

_ATTRIBUTES = ("time", "light", "place", "kind", "colour", "count", "side", "three", "whole")


def table(report: Report) -> str:
    """The scores as a Markdown table, in shares of 1."""
    rows: Mapping[str, Mapping[str, float]] = {
        "English": report.scores["en"],
        "Chinese": report.scores["zh"],
        "floor: other captions": report.floor,
        "ceiling: drawn scenes": report.ceiling,
    }
    lines = ["| | " + " | ".join(_ATTRIBUTES) + " |", "|---" * (len(_ATTRIBUTES) + 1) + "|"]
    for name, scores in rows.items():
        lines.append(f"| {name} | " + " | ".join(f"{scores[attribute]:.2f}" for attribute in _ATTRIBUTES) + " |")
    return "\n".join(lines)


def grid(pixels: Pixels, *, columns: int = 8, rows: int = 4, side: int = 128) -> Image.Image:
    """The first pictures side by side, each shrunk to `side` pixels."""
    sheet = Image.new("RGB", (columns * side, rows * side))
    for number, picture in enumerate(pixels[: columns * rows]):
        small = Image.fromarray(picture).resize((side, side), Image.Resampling.BOX)
        sheet.paste(small, (number % columns * side, number // columns * side))
    return sheet
