"""Stripe's parameters: form fields with brackets, checked against stripe-python's types."""

import re
import types
import typing
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from stripe import RequestOptions
from typing_extensions import is_typeddict  # stripe-python makes its types with these

Params = dict[str, Any]
# Of a query or a form; what the client adds for itself is not sent.
_OPTIONS = set(RequestOptions.__annotations__)
_ONLY_FOR_TYPES = {"StripeContext": object, "Mapping": Mapping}


class Refused(Exception):
    """The request is answered with this status and error."""

    def __init__(self, message: str, *, code: str = "", status: int = 400, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"type": "invalid_request_error", "message": message, "code": code, **more}


def decode(text: str) -> Params:
    """`items[0][price]=x` as {"items": {"0": {"price": "x"}}}; lists come out in `check`."""
    decoded: Params = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        first, *rest = re.findall(r"[^\[\]]+", name)
        place = decoded
        for key, following in zip([first, *rest], rest, strict=False):
            place = place.setdefault(key, {})
            assert following is not None
        place[[first, *rest][-1]] = value
    return decoded


def check(params: Params, accepted: type) -> Params:
    """The parameters, each of its type. Raises Refused for what Stripe does not know, or misses."""
    return _check_dict(params, accepted, at="")


def _check_dict(params: Params, accepted: type, *, at: str) -> Params:
    hints = _hints(accepted)
    for name in params:
        if name not in hints:
            full = _path(at, name)
            raise Refused(
                f"Received unknown parameter: {full}", code="parameter_unknown", param=full
            )
    for name, hint in hints.items():
        if typing.get_origin(hint) is not typing.NotRequired and name not in params:
            full = _path(at, name)
            raise Refused(f"Missing required param: {full}.", code="parameter_missing", param=full)
    return {name: _check(value, hints[name], at=_path(at, name)) for name, value in params.items()}


def _hints(accepted: type) -> dict[str, Any]:
    hints = typing.get_type_hints(accepted, localns=_ONLY_FOR_TYPES, include_extras=True)
    return {name: hint for name, hint in hints.items() if name not in _OPTIONS}


def _check(value: Any, hint: Any, *, at: str) -> Any:
    kinds = list(_kinds(hint))
    if isinstance(value, dict):
        return _check_nested(value, kinds, at=at)
    if bool in kinds and value in {"true", "false"}:
        return value == "true"
    if int in kinds and re.fullmatch(r"-?\d+", value):
        return int(value)
    literals = {each for kind in kinds for each in _literals(kind)}
    if literals - {""}:
        if value in literals:
            return value
        allowed = ", ".join(sorted(map(str, literals - {""})))
        raise Refused(f"Invalid {at}: must be one of {allowed}", param=at)
    if str in kinds or float in kinds:
        return value
    raise Refused(f"Invalid {at}: {value!r}", code="parameter_invalid", param=at)


def _check_nested(value: Params, kinds: list[Any], *, at: str) -> Any:
    for kind in kinds:
        if is_typeddict(kind):
            return _check_dict(value, kind, at=at)
        if typing.get_origin(kind) is list:
            (item,) = typing.get_args(kind)
            return [_check(each, item, at=_path(at, key)) for key, each in value.items()]
        if typing.get_origin(kind) is dict:
            _key, item = typing.get_args(kind)
            return {key: _check(each, item, at=_path(at, key)) for key, each in value.items()}
    raise Refused(f"Invalid {at}: hash", code="parameter_invalid_hash", param=at)


def _kinds(hint: Any) -> typing.Iterator[Any]:
    """The alternatives that a hint allows."""
    if typing.get_origin(hint) in {typing.NotRequired, typing.Required}:
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        for each in typing.get_args(hint):
            yield from _kinds(each)
    else:
        yield hint


def _literals(kind: Any) -> tuple[Any, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()


def _path(at: str, name: str) -> str:
    return f"{at}[{name}]" if at else name


def matches(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """True if the object has all of these values."""
    return all(found.get(name) == value for name, value in wanted.items())
