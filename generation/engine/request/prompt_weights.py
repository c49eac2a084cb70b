"""Prompt weights in AUTOMATIC1111's syntax.

`(word)` multiplies a weight by 1.1, `[word]` divides it by 1.1, and `(word:1.3)` multiplies it by
1.3. Brackets nest; a backslash before a bracket makes it an ordinary character.
"""

import math
import re
from dataclasses import dataclass

_FACTOR = 1.1
# Each bracket weighs all that follows it: without a bound, a prompt of brackets would take minutes to read.
MAX_DEPTH = 100
MAX_FRAGMENTS = 1_000
"""The most parts of a prompt with weights of their own: the text encoder reads each by itself."""
BREAK = re.compile(r"\s*\bBREAK\b\s*")
"""The word that ends a piece of a prompt for the text encoder."""
_SIGN = re.compile(r"\\[\\()\[\]]|:\s*([+-]?[\d.]+)\s*\)|[()\[\]]|[^\\()\[\]:]+|.", re.DOTALL)
_SPECIAL = re.compile(r"[\\()\[\]]")


@dataclass(frozen=True)
class Fragment:
    """A part of a prompt with one weight."""

    text: str
    weight: float


def parse(prompt: str) -> list[Fragment]:
    """Return the prompt's fragments in order, without brackets; at least one.

    An opening bracket without a partner applies to the end; a closing one is text, and so is an opening
    one inside of MAX_DEPTH others.
    """
    parsed: list[list[str | float]] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}
    is_text = False
    for match in _SIGN.finditer(prompt):
        sign, number = match.group(), _number(match.group(1))
        follows_text, is_text = is_text, False
        if sign in opened and sum(map(len, opened.values())) < MAX_DEPTH:
            opened[sign].append(len(parsed))
        elif sign.endswith(")") and len(sign) > 1 and opened["("] and number is not None:
            _weigh(parsed, opened["("].pop(), number)
        elif sign == ")" and opened["("]:
            _weigh(parsed, opened["("].pop(), _FACTOR)
        elif sign == "]" and opened["["]:
            _weigh(parsed, opened["["].pop(), 1 / _FACTOR)
        else:
            is_text = True
            text = sign[1:] if len(sign) == 2 and sign[0] == "\\" else sign
            if follows_text:
                parsed[-1][0] = f"{parsed[-1][0]}{text}"
            else:
                parsed.append([text, 1.0])
    for start in opened["("]:
        _weigh(parsed, start, _FACTOR)
    for start in opened["["]:
        _weigh(parsed, start, 1 / _FACTOR)
    return _merged([Fragment(str(text), float(weight)) for text, weight in parsed])


def is_weighted(fragments: list[Fragment]) -> bool:
    """Return True if any fragment has another weight than 1."""
    return any(fragment.weight != 1.0 for fragment in fragments)


def heaviest(fragments: list[Fragment]) -> float:
    """Return the largest weight in either direction; infinite if one cannot be computed."""
    weights = [abs(fragment.weight) for fragment in fragments]
    return max(math.inf if math.isnan(weight) else weight for weight in weights)


def plain(prompt: str) -> str:
    """Return the prompt without its brackets, weights and BREAKs."""
    return BREAK.sub(" ", "".join(fragment.text for fragment in parse(prompt)))


def escaped(text: str) -> str:
    """Return a prompt that reads as this text, brackets and backslashes included."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _weigh(parsed: list[list[str | float]], start: int, factor: float) -> None:
    for fragment in parsed[start:]:
        fragment[1] = float(fragment[1]) * factor


def _merged(fragments: list[Fragment]) -> list[Fragment]:
    merged: list[Fragment] = []
    for fragment in fragments:
        if merged and merged[-1].weight == fragment.weight:
            merged[-1] = Fragment(merged[-1].text + fragment.text, fragment.weight)
        else:
            merged.append(fragment)
    return merged or [Fragment("", 1.0)]
