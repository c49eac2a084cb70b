"""JSON from outside: bounded in depth and number of values, finite numbers, storable text.

Every reader of JSON that this program did not write itself uses it.
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from generation.engine.storable_text import is_storable

MAX_DEPTH = 64
# A few bytes of JSON can become a list of 56 bytes.
MAX_VALUES = 1_000_000


def loads(content: str | bytes, *, is_stored: bool = True, is_finite: bool = True) -> Any:
    """Return the value; `is_stored` refuses text that cannot be stored, `is_finite` NaN and Infinity.

    A caller whose schema names such fields does without. Raises ValueError for anything but JSON as RFC 8259
    has it, and beyond the bounds above.
    """
    text = content if isinstance(content, str) else content.decode(json.detect_encoding(content))
    if sum(map(text.count, "[{,")) > MAX_VALUES:
        raise ValueError("it has too many values")
    try:
        value = json.loads(text, **(_FINITE if is_finite else {}))
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    for text in _texts_in(value):
        if is_stored and not is_storable(text):
            raise ValueError("it has text that cannot be stored")
    return value


def read(path: Path) -> Any:
    """Return the value in a file, whose text stays there. Raises OSError or ValueError."""
    return loads(path.read_bytes(), is_stored=False)


def read_object(path: Path, *, is_finite: bool = True) -> dict[str, Any]:
    """Return the object in a file, whose text stays there. Raises OSError or ValueError."""
    content = loads(path.read_bytes(), is_stored=False, is_finite=is_finite)
    if not isinstance(content, dict):
        raise ValueError(f"{path} is no object")  # noqa: TRY004  # callers catch what is wrong with JSON
    return content


def _texts_in(value: Any) -> Iterator[str]:
    """Yield every text and name. Raises ValueError below MAX_DEPTH.

    It goes level by level: code that calls itself would meet Python's own limit, which depends on the caller.
    """
    level = [value]
    for _depth in range(MAX_DEPTH + 1):
        yield from (each for each in level if isinstance(each, str))
        containers = [each for each in level if isinstance(each, dict | list)]
        if not containers:
            return
        level = [inner for each in containers for inner in _inside(each)]
    raise ValueError(_TOO_DEEP)


def _inside(container: dict[str, Any] | list[Any]) -> list[Any]:
    return container if isinstance(container, list) else [*container, *container.values()]


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


_FINITE: Mapping[str, Any] = {"parse_constant": _refuse, "parse_float": _finite}
_TOO_DEEP = "it is nested too deeply"
