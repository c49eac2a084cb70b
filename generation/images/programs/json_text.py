"""JSON from other programs, which may have NaN, and text that cannot be stored."""

from collections.abc import Mapping
from typing import Any

from generation.engine import strict_json


def mapping(text: str | None) -> Mapping[str, Any]:
    """Return the JSON object in a text; empty for anything else."""
    if not text or not text.lstrip().startswith("{"):
        return {}
    try:
        found = strict_json.loads(text.replace("\0", ""), is_stored=False, is_finite=False)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def inner(value: Any) -> Mapping[str, Any]:
    """Return a value that should be an object; empty if it is not."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return a value that should be a list; empty if it is not."""
    return value if isinstance(value, list) else []
