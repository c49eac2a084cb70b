"""The largest request body that a view takes. The server stops reading there, before the view runs."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings

View = TypeVar("View", bound=Callable[..., Any])

# The other fields of a form with files, and its boundaries.
BESIDE_FILES = 2**20


def accepts(max_bytes: int, *, with_key: bool = False) -> Callable[[View], View]:
    """Let a view take larger bodies than others; `with_key` does so for callers with an API key alone.

    Goes above all other decorators.
    """

    def decorate(view: View) -> View:
        view.max_bytes = max_bytes  # type: ignore[attr-defined]  # read below
        view.is_for_keys = with_key  # type: ignore[attr-defined]  # read below
        return view

    return decorate


def max_bytes_of(view: Callable[..., Any]) -> int:
    return getattr(view, "max_bytes", settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def is_for_keys(view: Callable[..., Any]) -> bool:
    return getattr(view, "is_for_keys", False)
