"""Example images of the public pages, drawn by `manage.py wall` and indexed in JSON."""

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

# Relative to the static files.
STATIC = "img/wall"
FOLDER = Path(settings.BASE_DIR) / "static" / STATIC
INDEX = "wall.json"
SHARED = "shared.jpg"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A subject of an example image, with its prompt by language."""

    id: str
    prompts: Mapping[str, str]

    def prompt(self, language: str | None) -> str:
        return self.prompts["zh" if (language or "").startswith("zh") else "en"]


@dataclass(frozen=True, kw_only=True)
class ExampleImage(Subject):
    """An example image, `side` pixels wide and high, with its cost."""

    seed: int
    side: int
    gpu_ms: int

    @property
    def path(self) -> str:
        """Path relative to the static files."""
        return f"{STATIC}/{self.id}.webp"


@dataclass(frozen=True, kw_only=True)
class Making:
    """The making of one image: previews after some of its `steps`, and its receipt."""

    picture: str
    previews: tuple[int, ...]
    steps: int
    receipt: Receipt

    @property
    def frames(self) -> list[tuple[int, str]]:
        """Pairs of step and static path, the finished image last."""
        previews = [(step, f"{STATIC}/{preview_name(step)}") for step in self.previews]
        return [*previews, (self.steps, f"{STATIC}/{self.picture}.webp")]


@dataclass(frozen=True, kw_only=True)
class ExampleSet:
    """All example images, with the checkpoint and the device that drew them."""

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
    """File name of the preview after a step."""
    return f"step-{step}.webp"


def subjects() -> list[Subject]:
    """Subjects of all example images: the bundled checkpoint's prompts, then the presets'."""
    prompts = zip(*EXAMPLES.values(), strict=True)
    return [
        *(
            Subject(id=f"example-{number}", prompts=dict(zip(EXAMPLES, said, strict=True)))
            for number, said in enumerate(prompts, start=1)
        ),
        *(Subject(id=id, prompts=preset.examples) for id, preset in presets.PRESETS.items()),
    ]


def read(folder: Path = FOLDER) -> ExampleSet:
    """Read the index in the folder. Raises FileNotFoundError."""
    return ExampleSet.from_dict(json.loads((folder / INDEX).read_text()))


@functools.cache
def bundled() -> ExampleSet:
    """The example images that ship with the code; read once a process."""
    return read()
