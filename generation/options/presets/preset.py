"""A preset and its prompt frames."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise

from generation.engine.checkpoints.catalogue import CHECKPOINTS, Checkpoint
from generation.engine.enums import Mode
from generation.options.presets import article

ENGLISH, CHINESE = "en", "zh"
# Placeholder in a frame.
WORDS = "{words}"
_HAN = re.compile(r"[\u3400-\u9fff]")

Text = str | Promise


@dataclass(frozen=True, kw_only=True)
class Size:
    """A named aspect ratio; `across` to `down` is width to height."""

    id: str
    name: Text
    across: float
    down: float


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One use of the studio, with its settings.

    `checkpoints` are ids, the best first. `frames` have a placeholder for the person's words;
    `examples` are complete prompts that the bundled checkpoint can draw; both are by language.
    Settings are for full-size checkpoints; `strength` is None for text to image. A preset that
    `takes_article` accepts a whole text. `synthetic_for` names, in English, a field in which the
    images must be marked as synthetic.
    """

    id: str
    title: Text
    summary: Text
    audience: Text
    checkpoints: tuple[str, ...]
    sizes: tuple[Size, ...]
    frames: Mapping[str, str]
    examples: Mapping[str, str]
    mode: Mode = Mode.TEXT_TO_IMAGE
    negative_prompt: str = ""
    num_inference_steps: int = 30
    guidance_scale: float = 7.0
    noise_scheduler: str = "dpmpp_2m"
    strength: float | None = None
    takes_article: bool = False
    synthetic_for: str = ""

    @property
    def is_synthetic(self) -> bool:
        return bool(self.synthetic_for)

    @property
    def size(self) -> Size:
        """The default size."""
        return self.sizes[0]

    @property
    def best(self) -> Checkpoint:
        """The preferred checkpoint of the catalogue."""
        return next(CHECKPOINTS[id] for id in self.checkpoints if id in CHECKPOINTS)

    def applies_to(self, checkpoint: Checkpoint) -> bool:
        """True if the checkpoint supports the preset's mode."""
        return self.mode in checkpoint.modes

    def example(self, language: str | None) -> str:
        """The example prompt for a language code; English unless the code is Chinese."""
        return self.examples[_nearest(language)]

    def frame(self, language: str | None) -> str:
        """The frame for a language code, with an ellipsis for the words."""
        return self.frames[_nearest(language)].replace(WORDS, "…")

    def subject(self, words: str) -> str:
        """The words, or the subject of an article if the preset takes one."""
        return article.subject(words) if self.takes_article else words.strip()

    def prompt(self, words: str) -> str:
        """The words in the frame of their own language, detected by Chinese characters."""
        words = self.subject(words)
        frame = self.frames[CHINESE if _HAN.search(words) else ENGLISH]
        return frame.replace(WORDS, words)


def _nearest(language: str | None) -> str:
    return CHINESE if (language or "").startswith(CHINESE) else ENGLISH
