"""Prompts that change while they are drawn, in AUTOMATIC1111's syntax.

`[a:b:10]` is a for ten steps, then b; `[a:b:0.5]` changes after half of the request's steps. `[b:10]` adds b, and
`[a::10]` removes a. `[a|b]` takes turns, step by step. Brackets nest; a backslash before a sign makes it an
ordinary character. What has no such meaning stays as it is: `prompt_weights` reads it.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

MAX_VERSIONS = 16
"""The most versions of one prompt: the text encoder reads each of them."""

MAX_SIGNS = 2_000
"""The most brackets, colons and words between them: each is read anew for every step."""

_SIGN = re.compile(r"\\.|[()\[\]:|]|[^\\()\[\]:|]+|\\", re.DOTALL)
_CLOSERS = {")": "(", "]": "["}
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*")


def by_step(prompt: str, *, steps: int) -> tuple[str, ...]:
    """Return the prompt of each step, `steps` of them."""
    if "[" not in prompt:
        return (prompt,) * steps
    return _by_step(prompt, steps)


def versions(prompt: str, *, steps: int) -> tuple[str, ...]:
    """Return the different prompts, in the order of their first step."""
    return tuple(dict.fromkeys(by_step(prompt, steps=steps)))


def is_readable(prompt: str) -> bool:
    """Return False for a prompt with more brackets and signs than are read."""
    return "[" not in prompt or len(_SIGN.findall(prompt)) <= MAX_SIGNS


@lru_cache(maxsize=128)
def _by_step(prompt: str, steps: int) -> tuple[str, ...]:
    signs = _SIGN.findall(prompt)
    brackets = _brackets(signs)
    squares = {index for index, sign in enumerate(signs) if sign == "["}
    if not brackets & squares or len(signs) > MAX_SIGNS:
        return (prompt,) * steps
    return tuple(_rendered(signs, brackets, number, steps) for number in range(1, steps + 1))


def _brackets(signs: list[str]) -> set[int]:
    """Return the positions of brackets that have their partner."""
    opened: list[int] = []
    matched: set[int] = set()
    for index, sign in enumerate(signs):
        if sign in ("(", "["):
            opened.append(index)
        elif sign in _CLOSERS and opened and signs[opened[-1]] == _CLOSERS[sign]:
            matched |= {opened.pop(), index}
    return matched


@dataclass
class _Bracket:
    """An open bracket: its texts so far, and the signs between them. The outermost has no `opener`."""

    opener: str
    texts: list[str] = field(default_factory=lambda: [""])
    signs: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        self.texts[-1] += text

    def divide(self, sign: str) -> None:
        self.signs.append(sign)
        self.texts.append("")


def _rendered(signs: list[str], brackets: set[int], number: int, steps: int) -> str:
    # No recursion: a prompt may nest brackets deeper than Python nests calls.
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
