"""The model card: the training, the scores, and a grid of samples."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from generation.engine.sketchbook import denoiser
from generation.engine.sketchbook.evaluate import Report
from generation.engine.sketchbook.judge import Scores
from generation.engine.sketchbook.pictures import Pixels
from generation.engine.sketchbook.stage import Stage

GRID = "samples.png"

_ATTRIBUTES = ("time", "light", "place", "kind", "colour", "count", "side", "three", "whole")

_CARD = """\
# Sketchbook

A text-to-image latent diffusion checkpoint small enough to live in a repository, trained from scratch on flat
illustrations that a program draws and captions in English and Chinese. It knows a small world: day, sunset and night;
sun, clouds, rainbow, moon and stars; sea, field, desert, snow and city, with or without mountains; one to three houses,
trees, boats, cars, hot-air balloons or cats in red, yellow, green, blue, purple or white, on the left, in the middle or
on the right.

    pipeline = StableDiffusionPipeline.from_pretrained("{folder}")
    pipeline("a red house in the snow at night", num_inference_steps={report.num_inference_steps}, guidance_scale={report.guidance_scale}).images[0]

## Training

Made by `python -m generation.engine.sketchbook.train` on {hardware}. Times are of the training itself, on a machine
that did other work meanwhile.

| stage | steps | minutes | last mean loss |
|---|---|---|---|
{stages}

The unet saw {pictures:,} pictures, drawn from {scenes:,} scenes with a new caption each time. The text encoder was
trained first, to tell the scene from the caption, and then frozen; every question about a held-out caption is answered
right for {english:.0%} of the English and {chinese:.0%} of the Chinese ones. The autoencoder gives drawn scenes back at
{decibels:.1f} dB.

## Scores

Shares of right answers for {report.prompts} held-out captions a language, in sentence frames no training caption has,
at {report.num_inference_steps} steps and guidance {report.guidance_scale}. The judge is a small classifier that has only seen drawn scenes. Floor: the English
pictures judged against other captions. Ceiling: drawings of the scenes themselves. `three`: place, kinds and colors
all right; `whole`: everything right. A picture took {report.seconds_per_picture:.2f} s, in batches of 8.

{table}

`python -m generation.engine.sketchbook.train --stages evaluate` makes this table and this card, given the state of the
training; `--stages draw,judge,score` trains a judge anew and prints the table.
`python -m tests.bench alone` times one picture beside the same from the bare pipeline; docs/benchmarks.md has the figures.

## Samples

The first held-out captions, each with the seed of its number; nothing picked out.

![{alt}]({grid})

## Limits

{limits}
"""

_LIMITS = """\
It draws only the world above, with one composition for every picture: objects stand side by side on one base line,
balloons hang at one height. Words outside it are read past, so such a prompt gives a scene of this world. Prompts of
more than about forty words are cut. One latent cell covers 16 by 16 pixels, so fine detail (eyes, windows, stars) is soft.

In image to image, what the caption says outweighs the source: one that agrees with it, or leaves things open, changes
little up to a strength of about 0.3; one that contradicts it in time of day or color repaints that at any strength,
because no training caption ever contradicted its picture."""


@dataclass(frozen=True, kw_only=True)
class MadeBy:
    """The training of a checkpoint. `reading` is the share of correctly read held-out captions, by language."""

    stages: tuple[Stage, ...]
    scenes: int
    reading: Mapping[str, float]
    decibels: float


def write(folder: Path, report: Report, pixels: Pixels, made_by: MadeBy) -> None:
    """Write the card, and a grid of the first images, into the folder."""
    _grid(pixels).save(folder / GRID, optimize=True)
    unet = next(stage for stage in made_by.stages if stage.name == "unet")
    card = _CARD.format(
        folder=folder.name,
        report=report,
        hardware=_hardware(),
        stages="\n".join(
            f"| {stage.name} | {stage.step:,} | {stage.seconds / 60:.0f} | {stage.mean_loss():.4f} |"
            for stage in made_by.stages
        ),
        pictures=unet.step * denoiser.BATCH,
        scenes=made_by.scenes,
        english=made_by.reading["en"],
        chinese=made_by.reading["zh"],
        decibels=made_by.decibels,
        table=table(report),
        alt="a grid of generated pictures",
        grid=GRID,
        limits=_LIMITS,
    )
    (folder / "README.md").write_text(card)


def table(report: Report) -> str:
    """Return the scores as a Markdown table, in shares of 1."""
    rows: Mapping[str, Scores] = {
        "English": report.scores["en"],
        "Chinese": report.scores["zh"],
        "floor": report.floor,
        "ceiling": report.ceiling,
    }
    lines = ["| | " + " | ".join(_ATTRIBUTES) + " |", "|---" * (len(_ATTRIBUTES) + 1) + "|"]
    for name, scores in rows.items():
        lines.append(
            f"| {name} | "
            + " | ".join(f"{scores[attribute]:.2f}" for attribute in _ATTRIBUTES)
            + " |"
        )
    return "\n".join(lines)


def _grid(pixels: Pixels, *, columns: int = 8, rows: int = 4, side: int = 128) -> Image.Image:
    """Return the first images in a grid, each shrunk to `side` pixels."""
    sheet = Image.new("RGB", (columns * side, rows * side))
    for number, picture in enumerate(pixels[: columns * rows]):
        small = Image.fromarray(picture).resize((side, side), Image.Resampling.BOX)
        sheet.paste(small, (number % columns * side, number // columns * side))
    return sheet


def _hardware() -> str:
    """Return the processor's name and number of cores."""
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.partition(":")[2].strip()
            for line in cpuinfo.read_text().splitlines()
            if line.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{os.cpu_count()} cores of {model}"
