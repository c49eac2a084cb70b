"""Cleaning of log lines: links in them open nothing, and queries keep only their names.

It reads text, not routes, so a route that is new or unknown, a library's message and a task's arguments
are cleaned alike.
"""

import re
from collections.abc import Mapping
from typing import Any

from structlog.typing import EventDict, WrappedLogger

HIDDEN = "[hidden]"
_LINK = re.compile(
    # Without a URL's scheme, which stays as it is: looked for at each place, it would take quadratic time.
    r"""(?P<path>/[^\s?\#"'<>]*)
    (?P<query>\?\S*)?
    (?P<fragment>\#\S+)?""",
    re.VERBOSE,
)
_BARE_QUERY = re.compile(r"\?(?=[^\s=?]+=)\S+")
_USER = re.compile(r"^//[^/@]*@")
_PARAMETER = re.compile(r"[\w.\-]{1,40}")
_UUID = re.compile(
    r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}", re.IGNORECASE
)
_TOKEN = re.compile(
    # Tokens rather than names. Long, without a dot, with a digit or an upper-case letter:
    r"""(?=[^/]*[0-9A-Z])[\w\-~:=%+@]{20,}
    # shorter, with letters of both cases and a digit:
    | (?=[^/]*[0-9])(?=[^/]*[A-Z])(?=[^/]*[a-z])[\w\-~:=%+@]{8,}
    # a JSON Web Token, or its like: long parts with dots between them.
    | (?=[^/]*[0-9A-Z])[\w\-=]{10,}(\.[\w\-=]{10,}){2,4}""",
    re.VERBOSE,
)


def clean(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """A processor for structlog. Goes after exceptions are rendered and before the line is."""
    return {text(name): _cleaned(value) for name, value in event.items()}


def text(value: str) -> str:
    """Hide tokens in paths, and the values in queries and fragments of all links."""
    return _BARE_QUERY.sub(lambda found: _query(found[0]), _LINK.sub(_link, value))


def _cleaned(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {text(str(key)): _cleaned(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(each) for each in value]
    # Django adds the request itself, which shows its path.
    return text(repr(value))


def _link(found: re.Match[str]) -> str:
    path = _USER.sub(f"//{HIDDEN}@", found["path"])
    segments = (HIDDEN if _is_token(each) else each for each in path.split("/"))
    fragment = f"#{HIDDEN}" if found["fragment"] else ""
    return f"{'/'.join(segments)}{_query(found['query'] or '')}{fragment}"


def _is_token(segment: str) -> bool:
    return bool(_TOKEN.fullmatch(segment)) and not _UUID.fullmatch(segment)


def _query(query: str) -> str:
    """The query with the names of its parameters; without any, only its question mark."""
    parts = [part.partition("=") for part in query.removeprefix("?").split("&") if part]
    return "?" * query.startswith("?") + "&".join(
        f"{name}={HIDDEN}" if equals and _PARAMETER.fullmatch(name) else HIDDEN
        for name, equals, _value in parts
    )
