"""Reading of a request's settings from JSON."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from generation.engine.enums import MaskFill, Mode, NoiseScheduler, SigmaSchedule
from generation.engine.messages import Message, gettext_noop
from generation.engine.request.settings import Settings
from generation.engine.request.validation import InvalidRequest


def read(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings in `data`; defaults are left out.

    Raises InvalidRequest for unknown, missing and mistyped settings, all at once.
    """
    known = {field.name: field for field in fields(Settings)}
    errors: dict[str, str] = {
        name: Message(gettext_noop("This setting is not known."))
        for name in data
        if name not in known
    }
    values = {}
    for name, field in known.items():
        if name in data:
            try:
                values[name] = _READERS[field.type](data[name])
            except (TypeError, ValueError):
                errors[name] = Message(gettext_noop("This value is not of the right kind."))
        elif field.default is MISSING:
            errors[name] = Message(gettext_noop("This setting is missing."))
    if errors:
        raise InvalidRequest(errors)
    return values


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _read_int(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(value)
    return value


def _read_float(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(value)
    return float(value)


def _read_optional_float(value: Any) -> float | None:
    return None if value is None else _read_float(value)


def _read_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _read_padding(value: Any) -> tuple[int, ...]:
    sides = tuple(_read_int(side) for side in value)
    if len(sides) != len(("left", "top", "right", "bottom")):
        raise ValueError(value)
    return sides


_READERS: Mapping[Any, Callable[[Any], Any]] = {
    str: _read_text,
    int: _read_int,
    float: _read_float,
    bool: _read_bool,
    tuple[int, int, int, int]: _read_padding,
    Mode: Mode,
    MaskFill: MaskFill,
    float | None: _read_optional_float,
    NoiseScheduler: NoiseScheduler,
    SigmaSchedule: SigmaSchedule,
}
