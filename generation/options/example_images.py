"""The wall of pictures that visitors see: what `manage.py wall` drew, and what it wrote beside them."""

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from generation.engine.checkpoints.example_prompts import EXAMPLES
from generation.models.receipts import Receipt
from generation.options import presets

# Where the files are, among the static ones.
STATIC = "img/wall"
FOLDER = Path(settings.BASE_DIR) / "static" / STATIC
INDEX = "wall.json"
SHARED = "shared.jpg"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a picture of the wall shows: a prompt by language."""

    id: str
    prompts: Mapping[str, str]

    def prompt(self, language: str | None) -> str:
        return self.prompts["zh" if (language or "").startswith("zh") else "en"]


@dataclass(frozen=True, kw_only=True)
class ExampleImage(Subject):
    """A picture of the wall, `side` pixels wide and high, and what it took."""

    seed: int
    side: int
    gpu_ms: int

    @property
    def path(self) -> str:
        """The picture's name among the static files."""
        return f"{STATIC}/{self.id}.webp"


@dataclass(frozen=True, kw_only=True)
class Making:
    """How one of the pictures came about: previews after some of its `steps`, and its receipt."""

    picture: str
    previews: tuple[int, ...]
    steps: int
    receipt: Receipt

    @property
    def frames(self) -> list[tuple[int, str]]:
        """Steps and files, the finished picture last."""
        previews = [(step, f"{STATIC}/{preview_name(step)}") for step in self.previews]
        return [*previews, (self.steps, f"{STATIC}/{self.picture}.webp")]


@dataclass(frozen=True, kw_only=True)
class ExampleSet:
    """All of it, and the checkpoint and the device that drew it."""

    checkpoint: str
    device: str
    pictures: tuple[ExampleImage, ...]
    making: Making

    def picture(self, id: str) -> ExampleImage | None:
        return next((picture for picture in self.pictures if picture.id == id), None)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "ExampleSet":
        making = data["making"]
        return cls(
            checkpoint=data["checkpoint"],
            device=data["device"],
            pictures=tuple(ExampleImage(**picture) for picture in data["pictures"]),
            making=Making(
                picture=making["picture"],
                previews=tuple(making["previews"]),
                steps=making["steps"],
                receipt=Receipt.from_dict(making["receipt"]),
            ),
        )


def preview_name(step: int) -> str:
    """The file of the preview after a step."""
    return f"step-{step}.webp"


def subjects() -> list[Subject]:
    """What belongs on the wall: the bundled checkpoint's examples, then those of the presets."""
    prompts = zip(*EXAMPLES.values(), strict=True)
    return [
        *(
            Subject(id=f"example-{number}", prompts=dict(zip(EXAMPLES, said, strict=True)))
            for number, said in enumerate(prompts, start=1)
        ),
        *(Subject(id=id, prompts=preset.examples) for id, preset in presets.PRESETS.items()),
    ]


def read(folder: Path = FOLDER) -> ExampleSet:
    """What was written last. Raises FileNotFoundError where nothing was."""
    return ExampleSet.from_dict(json.loads((folder / INDEX).read_text()))


@functools.cache
def bundled() -> ExampleSet:
    """The wall that came with the code, read once."""
    return read()
