"""Draws the wall of pictures that visitors see, with the bundled checkpoint and the real engine."""

import json
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from PIL import Image

from generation.engine.checkpoints import catalogue
from generation.engine.enums import NoiseScheduler
from generation.engine.events import Finished, Previewed
from generation.engine.request import GenerationRequest
from generation.models import receipts
from generation.options import example_images
from generation.options.example_images import ExampleImage, ExampleSet, Making, Subject

if TYPE_CHECKING:
    from generation.worker.local_engine import LocalEngine

CHECKPOINT = catalogue.get("sketchbook")
STEPS = CHECKPOINT.num_inference_steps
# The steps after which the making of a picture is shown: most happens early.
PREVIEWED = (1, 2, 4, 7)
# The picture for those who share a link: three rows of six.
SHARED_SIZE = (1200, 630)
SHARED_COLUMNS, SHARED_ROWS = 6, 3
# What the house would pay beyond a quote has no place on an example.
NO_CEILING_MS = 10**9


class Command(BaseCommand):
    help = (
        "Draws the pictures of the front page into static/img/wall, with a JSON file beside them. "
        "Seeds are kept from that file: to redraw one picture, change its seed there and run it again."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--to", type=Path, default=example_images.FOLDER, help="default: %(default)s"
        )
        parser.add_argument("--first", type=int, help="only so many pictures")

    def handle(self, *args: Any, to: Path, first: int | None, **options: Any) -> None:
        from generation.worker.local_engine import LocalEngine, RunFailed  # noqa: PLC0415  # slow import: torch

        to.mkdir(parents=True, exist_ok=True)
        engine = LocalEngine()
        try:
            drawn = _draw(engine, to, first=first)
        except RunFailed as error:
            raise CommandError(str(error)) from error
        finally:
            engine.close()
        _write_index(drawn, to)
        _share(drawn.pictures, to)
        self.stdout.write(f"{len(drawn.pictures)} pictures in {to}")


def _draw(engine: "LocalEngine", folder: Path, *, first: int | None) -> ExampleSet:
    """Draw all pictures together, then the first one alone, with previews."""
    subjects = example_images.subjects()[:first]
    seeds = _known_seeds(folder)
    requests = {
        subject.id: _request(subject, seed=seeds.get(subject.id, number))
        for number, subject in enumerate(subjects, start=1)
    }
    events = engine.run(requests)
    finished = {event.key: event for event in events if isinstance(event, Finished)}
    # Alone, and on a warm device: the receipt then shows this picture's own steps.
    shown = subjects[0].id
    making = _make(engine, shown, requests[shown], folder=folder)
    pictures = [_hang(each, requests[each.id], finished[each.id], folder) for each in subjects]
    return ExampleSet(
        checkpoint=CHECKPOINT.id, device=engine.device, pictures=tuple(pictures), making=making
    )


def _known_seeds(folder: Path) -> dict[str, int]:
    try:
        return {picture.id: picture.seed for picture in example_images.read(folder).pictures}
    except FileNotFoundError:
        return {}


def _request(subject: Subject, *, seed: int) -> GenerationRequest:
    return GenerationRequest(
        prompt=subject.prompts["en"],
        checkpoint=CHECKPOINT.id,
        width=CHECKPOINT.native_size,
        height=CHECKPOINT.native_size,
        num_inference_steps=STEPS,
        guidance_scale=CHECKPOINT.guidance_scale,
        noise_scheduler=NoiseScheduler(CHECKPOINT.noise_scheduler),
        seed=seed,
    )


def _make(engine: "LocalEngine", id: str, request: GenerationRequest, *, folder: Path) -> Making:
    """Run one request alone, and save its previews."""
    for event in engine.run({id: request}, previews=True):
        if isinstance(event, Previewed) and event.step in PREVIEWED:
            _save(event.image.resize((request.width, request.height)), folder, event.step)
        elif isinstance(event, Finished):
            receipt = receipts.charged(event.charges, ceiling_ms=NO_CEILING_MS)
    return Making(picture=id, previews=PREVIEWED, steps=request.evaluations, receipt=receipt)


def _hang(
    subject: Subject, request: GenerationRequest, end: Finished, folder: Path
) -> ExampleImage:
    picture = ExampleImage(
        id=subject.id,
        prompts=dict(subject.prompts),
        seed=request.seed,
        side=request.width,
        gpu_ms=receipts.charged(end.charges, ceiling_ms=NO_CEILING_MS).charged_ms,
    )
    _webp(end.images[0], folder / Path(picture.path).name)
    return picture


def _save(image: Image.Image, folder: Path, step: int) -> None:
    _webp(image, folder / example_images.preview_name(step))


def _webp(image: Image.Image, path: Path) -> None:
    image.save(path, "WEBP", quality=80, method=6)


def _write_index(drawn: ExampleSet, folder: Path) -> None:
    text = json.dumps(drawn.to_dict(), ensure_ascii=False, indent=1)
    (folder / example_images.INDEX).write_text(f"{text}\n")


def _share(pictures: Sequence[ExampleImage], folder: Path) -> None:
    """A sheet of the first pictures, in the format that every network shows."""
    sheet = Image.new("RGB", SHARED_SIZE, "white")
    width, height = SHARED_SIZE[0] // SHARED_COLUMNS, SHARED_SIZE[1] // SHARED_ROWS
    for number, cell in enumerate(_cells(pictures, folder, size=(width, height))):
        sheet.paste(cell, (number % SHARED_COLUMNS * width, number // SHARED_COLUMNS * height))
    sheet.save(folder / example_images.SHARED, "JPEG", quality=82, optimize=True)


def _cells(
    pictures: Iterable[ExampleImage], folder: Path, *, size: tuple[int, int]
) -> Iterator[Image.Image]:
    for picture in list(pictures)[: SHARED_COLUMNS * SHARED_ROWS]:
        with Image.open(folder / Path(picture.path).name) as image:
            longer = max(size)
            enlarged = image.resize((longer, longer), Image.Resampling.BICUBIC)
            left, top = (longer - size[0]) // 2, (longer - size[1]) // 2
            yield enlarged.crop((left, top, left + size[0], top + size[1]))
