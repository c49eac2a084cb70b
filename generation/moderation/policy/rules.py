"""The rules as the data files define them, and the match of a text against them."""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generation.moderation.policy import normalize
from generation.moderation.policy.categories import Category

Match = Callable[[str], bool]
_KEYS = {"category", "words", "together", "except"}


class InvalidRules(ValueError):
    """A file of rules is malformed; the message names the file and the reason."""


@dataclass(frozen=True)
class Rule:
    """Broken by a text in which every one of `parts` matches, after removing the `innocent` phrases."""

    category: Category
    parts: Sequence[re.Pattern[str]]
    innocent: re.Pattern[str] | None

    def is_broken_by(self, text: str) -> bool:
        if self.innocent is not None:
            text = self.innocent.sub(" · ", text)
        return all(part.search(text) for part in self.parts)


@dataclass(frozen=True)
class Language:
    """The matching of a language's words: whole in English, anywhere in Chinese, which has no spaces."""

    readings: Callable[[str], Iterator[str]]
    expression: Callable[[Iterable[str]], str]


def _english_expression(words: Iterable[str]) -> str:
    phrases = (r"\s".join(re.escape(part) for part in word.split()) for word in words)
    return (
        rf"(?<![a-z0-9])(?:{'|'.join(sorted(phrases, key=len, reverse=True))})(?:s|es)?(?![a-z0-9])"
    )


def _chinese_expression(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


LANGUAGES: Mapping[str, Language] = {
    "en": Language(normalize.english, _english_expression),
    "zh": Language(normalize.chinese, _chinese_expression),
}


@dataclass(frozen=True)
class _File:
    """The rules of one language."""

    language: Language
    variants: Mapping[int, str]
    rules: Sequence[Rule]

    def broken_by(self, folded: str) -> Iterator[Category]:
        readings = set(self.language.readings(folded.translate(self.variants)))
        for rule in self.rules:
            if any(rule.is_broken_by(reading) for reading in readings):
                yield rule.category


class Rules:
    """The rules of all languages."""

    def __init__(self, files: Sequence[_File]) -> None:
        self._files = files

    @classmethod
    def read(cls, folder: Path) -> "Rules":
        """Read all files of rules in a folder. Raises InvalidRules."""
        paths = sorted(folder.glob("*.toml"))
        if not paths:
            raise InvalidRules(f"{folder} has no rules.")
        return cls([_read(path) for path in paths])

    def broken_by(self, text: str) -> set[Category]:
        """Return the categories of all rules that the text breaks."""
        folded = normalize.folded(text)
        return {category for file in self._files for category in file.broken_by(folded)}


def _read(path: Path) -> _File:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        language = LANGUAGES[content["language"]]
        lists: Mapping[str, Sequence[str]] = content.get("lists", {})
        rules = [_rule(rule, language, lists) for rule in content["rules"]]
    except (OSError, KeyError, TypeError, ValueError, re.error) as error:
        raise InvalidRules(f"{path}: {error!r}") from error
    return _File(language, str.maketrans(dict(content.get("variants", {}))), rules)


def _rule(data: Mapping[str, Any], language: Language, lists: Mapping[str, Sequence[str]]) -> Rule:
    if unknown := data.keys() - _KEYS:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    groups = [*data.get("together", []), *([data["words"]] if "words" in data else [])]
    if not groups or not all(groups):
        raise ValueError("a rule has no words")
    innocent = data.get("except", [])
    return Rule(
        category=Category(data["category"]),
        parts=[_expression(group, language, lists) for group in groups],
        innocent=_expression(innocent, language, lists) if innocent else None,
    )


def _expression(
    group: Iterable[str], language: Language, lists: Mapping[str, Sequence[str]]
) -> re.Pattern[str]:
    """Return one expression for words, `@names` of lists, and regular expressions after a slash."""
    words: list[str] = []
    for each in group:
        words += lists[each[1:]] if each.startswith("@") else [each]
    written = [word[1:] for word in words if word.startswith("/")]
    listed = [word for word in words if not word.startswith("/")]
    return re.compile("|".join([*([language.expression(listed)] if listed else []), *written]))
