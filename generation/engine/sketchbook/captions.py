"""Captions of a scene, varied so that the text encoder learns words rather than one sentence.

Everything that a caption omits has a default: day, a field, the usual light of the hour, an object's usual color, the
middle of the image. A caption therefore determines the whole scene, and a short prompt gives a definite image.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from random import Random
from string import ascii_lowercase
from types import ModuleType

from generation.engine.sketchbook import chinese, english
from generation.engine.sketchbook.scenes import (
    LIGHTS,
    USUAL_COLORS,
    Group,
    Place,
    Scene,
    Side,
    Time,
)


class Language(StrEnum):
    """Languages of captions."""

    ENGLISH = "en"
    CHINESE = "zh"


_SHARE_CHINESE = 0.4
_SHARE_NOISE = 0.15
_SAID_THOUGH_USUAL = 0.6


def any_caption(scene: Scene, rng: Random) -> str:
    """Return a training caption in either language; some contain a meaningless word to ignore."""
    language = Language.CHINESE if rng.random() < _SHARE_CHINESE else Language.ENGLISH
    said = caption(scene, rng, language=language)
    return _with_noise(said, rng) if rng.random() < _SHARE_NOISE else said


def caption(scene: Scene, rng: Random, *, language: Language, held_out: bool = False) -> str:
    """Return one of many captions of a scene. Held-out captions use sentence frames that training never sees."""
    words = english if language is Language.ENGLISH else chinese
    frame = rng.choice(words.HELD_OUT_FRAMES) if held_out else _frame(words, rng)
    sentence = frame.format(
        what=_what(scene, rng, language),
        place=_said(words.PLACES[scene.place], rng, usual=scene.place is Place.FIELD),
        time=_said(words.TIMES[scene.time], rng, usual=scene.time is Time.DAY),
        light=_said(words.LIGHTS[scene.light], rng, usual=scene.light is LIGHTS[scene.time][0]),
        behind=rng.choice(words.MOUNTAINS) if scene.mountains else "",
    )
    opening = "" if held_out else rng.choice(words.OPENINGS)
    ending: str = rng.choice(words.HELD_OUT_ENDINGS if held_out else words.ENDINGS)
    return _tidy(opening + sentence) + ending


def _frame(words: ModuleType, rng: Random) -> str:
    """Return a sentence frame of the language; half of the time, its parts in random order."""
    if rng.random() < 0.5:
        frame: str = rng.choice(words.FRAMES)
        return frame
    parts = ["{what}", "{place}", "{time}", "{light}", "{behind}"]
    rng.shuffle(parts)
    return "".join(part + rng.choice(words.JOINTS) for part in parts)


def _said(phrases: Sequence[str], rng: Random, *, usual: bool) -> str:
    return rng.choice(phrases) if not usual or rng.random() < _SAID_THOUGH_USUAL else ""


def _what(scene: Scene, rng: Random, language: Language) -> str:
    say, words, joiner = (
        (_english, english, " and ") if language is Language.ENGLISH else (_chinese, chinese, "，")
    )
    return joiner.join(say(group, rng) for group in scene.groups) or rng.choice(words.EMPTY)


def _english(group: Group, rng: Random) -> str:
    noun = rng.choice(english.KINDS[group.kind])[group.count > 1]
    said = f"{_color(group, rng, english)} {noun}".strip()
    number = rng.choice(english.COUNTS[group.count])
    if number == "a" and said[0] in "aeiou":
        number = "an"
    return f"{number} {said} {_side(group, rng, english)}".strip()


def _chinese(group: Group, rng: Random) -> str:
    measure, noun = rng.choice(chinese.KINDS[group.kind])
    number = rng.choice(chinese.COUNTS[group.count])
    return f"{_side(group, rng, chinese)}{number}{measure}{_color(group, rng, chinese)}{noun}"


def _color(group: Group, rng: Random, words: ModuleType) -> str:
    return _said(words.COLORS[group.color], rng, usual=group.color is USUAL_COLORS[group.kind])


def _side(group: Group, rng: Random, words: ModuleType) -> str:
    if group.side is Side.ACROSS or (group.side is Side.CENTER and rng.random() < 0.75):
        return ""
    said: str = rng.choice(words.SIDES[group.side])
    return said


def _tidy(sentence: str) -> str:
    """Remove the spaces and commas around omitted phrases."""
    sentence = re.sub(r"\s+", " ", sentence)
    sentence = re.sub(r"\s*([,，:])(\s*[,，])*", r"\1", sentence)
    return sentence.strip(" ,，:的").replace(",", ", ").replace(":", ": ").replace("  ", " ")


def _with_noise(said: str, rng: Random) -> str:
    word = "".join(rng.choices(ascii_lowercase, k=rng.randint(2, 8)))
    words = said.split(" ")
    words.insert(rng.randint(0, len(words)), word)
    return " ".join(words)
