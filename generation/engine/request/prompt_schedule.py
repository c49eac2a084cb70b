"""Prompts that change while they are drawn, in AUTOMATIC1111's syntax.

`[a:b:10]` is a for ten steps, then b; `[a:b:0.5]` changes after half of the request's steps. `[b:10]` adds b, and
`[a::10]` removes a. `[a|b]` takes turns, step by step. Brackets nest; a backslash before a sign makes it an
ordinary character. What has no such meaning stays as it is: `prompt_weights` reads it. An opening
bracket inside of MAX_DEPTH others is text, and so is a number of more than nine digits.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from generation.engine.request.prompt_weights import MAX_DEPTH

MAX_VERSIONS = 16
"""The most versions of one prompt: the text encoder reads each of them."""

MAX_SIGNS = 2_000
"""The most brackets, colons and words between them: each is read anew for every step."""

_SIGN = re.compile(r"\\.|[()\[\]:|]|[^\\()\[\]:|]+|\\", re.DOTALL)
_CLOSERS = {")": "(", "]": "["}
# Longer numbers may be infinite, which no step is.
_NUMBER = re.compile(r"\s*([+-]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9}))\s*")


def by_step(prompt: str, *, steps: int) -> tuple[str, ...]:
    """Return the prompt of each step, `steps` of them.

    After MAX_VERSIONS others, which is refused, the next one stays: reading on would take seconds.
    """
    if "[" not in prompt:
        return (prompt,) * steps
    return _by_step(prompt, steps)


def versions(prompt: str, *, steps: int) -> tuple[str, ...]:
    """Return the different prompts, in the order of their first step; at most MAX_VERSIONS + 1."""
    return tuple(dict.fromkeys(by_step(prompt, steps=steps)))


def is_readable(prompt: str) -> bool:
    """Return False for a prompt with more brackets and signs than are read."""
    return "[" not in prompt or len(_SIGN.findall(prompt)) <= MAX_SIGNS


# The one of a long prompt takes megabytes.
@lru_cache(maxsize=8)
def _by_step(prompt: str, steps: int) -> tuple[str, ...]:
    signs = _SIGN.findall(prompt)
    brackets = _brackets(signs)
    squares = {index for index, sign in enumerate(signs) if sign == "["}
    if not brackets & squares or len(signs) > MAX_SIGNS:
        return (prompt,) * steps
    made: list[str] = []
    # Equal texts are one object: a long one for each step would fill the memory.
    seen: dict[str, str] = {}
    for number in range(1, steps + 1):
        text = _rendered(signs, brackets, number, steps)
        made.append(seen.setdefault(text, text))
        if len(seen) > MAX_VERSIONS:
            break
    return (*made, *made[-1:] * (steps - len(made)))


def _brackets(signs: list[str]) -> set[int]:
    """Return the positions of brackets that have their partner."""
    opened: list[int] = []
    matched: set[int] = set()
    for index, sign in enumerate(signs):
        if sign in ("(", "["):
            if len(opened) < MAX_DEPTH:
                opened.append(index)
        elif sign in _CLOSERS and opened and signs[opened[-1]] == _CLOSERS[sign]:
            matched |= {opened.pop(), index}
    return matched


@dataclass
class _Bracket:
    """An open bracket: its texts so far, and the signs between them. The outermost has no `opener`."""

    opener: str
    parts: list[list[str]] = field(default_factory=lambda: [[]])
    signs: list[str] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return ["".join(parts) for parts in self.parts]

    def add(self, text: str) -> None:
        self.parts[-1].append(text)

    def divide(self, sign: str) -> None:
        self.signs.append(sign)
        self.parts.append([])


def _rendered(signs: list[str], brackets: set[int], number: int, steps: int) -> str:
    stack = [_Bracket("")]
    for index, sign in enumerate(signs):
        if index not in brackets:
            if sign in (":", "|") and stack[-1].opener == "[":
                stack[-1].divide(sign)
            else:
                stack[-1].add(sign)
        elif sign in ("(", "["):
            stack.append(_Bracket(sign))
        else:
            closed = stack.pop()
            stack[-1].add(_closed(closed, sign, number, steps))
    return stack[0].texts[0]


def _closed(bracket: _Bracket, closer: str, number: int, steps: int) -> str:
    """Return the text of a whole bracket at this step."""
    texts, signs = bracket.texts, set(bracket.signs)
    if signs == {"|"}:
        return texts[(number - 1) % len(texts)]
    if signs == {":"} and len(texts) <= len(("before", "after", "when")):
        *choices, when = texts
        if last := _last_step(when, steps):
            before, after = choices if len(choices) == 2 else ("", choices[0])
            return before if number <= last[0] else after
    joined = texts[0] + "".join(
        sign + text for sign, text in zip(bracket.signs, texts[1:], strict=True)
    )
    return bracket.opener + joined + closer


def _last_step(text: str, steps: int) -> tuple[int] | None:
    """Return the last step before the change; None if the text is no number.

    A number with a point is a share of the steps.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    number = float(match[1])
    return (int(number * steps if "." in match[1] else number),)
