"""A preset, and how it puts a person's words into its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise

from generation.engine.checkpoints.catalogue import CHECKPOINTS, Checkpoint
from generation.engine.enums import Mode
from generation.options.presets import article

ENGLISH, CHINESE = "en", "zh"
# The slot of a frame.
WORDS = "{words}"
_HAN = re.compile(r"[\u3400-\u9fff]")

Text = str | Promise


@dataclass(frozen=True, kw_only=True)
class Size:
    """A shape under the name that people know it by; `across` to `down` is the ratio of its sides."""

    id: str
    name: Text
    across: float
    down: float


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One thing that people come to do.

    `checkpoints` are ids, the best first. `mode` is what it needs to be done as it is meant. `frames`
    have a slot for the person's words, and `examples` are whole prompts that the bundled checkpoint can
    draw, both by language. Numbers are for full-size checkpoints; `strength` is for modes that start
    from a picture. What an article-taking preset is given may be a whole text. `synthetic_for` is a
    field, in English, in which its pictures must say that they show nothing real.
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
        """The size that it starts with."""
        return self.sizes[0]

    @property
    def best(self) -> Checkpoint:
        """The checkpoint that it was made for."""
        return next(CHECKPOINTS[id] for id in self.checkpoints if id in CHECKPOINTS)

    def applies_to(self, checkpoint: Checkpoint) -> bool:
        """Whether the checkpoint can do this as it is meant."""
        return self.mode in checkpoint.modes

    def example(self, language: str | None) -> str:
        """A whole prompt in the language of this code, which may be any."""
        return self.examples[_nearest(language)]

    def frame(self, language: str | None) -> str:
        """The frame in that language, with an ellipsis where the words go."""
        return self.frames[_nearest(language)].replace(WORDS, "…")

    def subject(self, words: str) -> str:
        """What the person's words are about, where they may be a whole article."""
        return article.subject(words) if self.takes_article else words.strip()

    def prompt(self, words: str) -> str:
        """The person's words in the frame of the language that they are in."""
        words = self.subject(words)
        frame = self.frames[CHINESE if _HAN.search(words) else ENGLISH]
        return frame.replace(WORDS, words)


def _nearest(language: str | None) -> str:
    return CHINESE if (language or "").startswith(CHINESE) else ENGLISH
