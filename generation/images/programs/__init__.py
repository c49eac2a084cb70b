"""Settings as other programs write them into pictures."""

from collections.abc import Callable, Mapping, Sequence

from generation.images.programs import (
    automatic1111,
    comfyui,
    fooocus,
    invokeai,
    novelai,
    swarmui,
)
from generation.images.programs.found_settings import FoundSettings

__all__ = ["settings_in"]

_PROGRAMS: Sequence[Callable[[Mapping[str, str]], FoundSettings | None]] = (
    swarmui.settings_in,
    fooocus.settings_in,
    invokeai.settings_in,
    novelai.settings_in,
    automatic1111.settings_in,
    comfyui.settings_in,
)


def settings_in(texts: Mapping[str, str]) -> FoundSettings | None:
    """Return the settings in a file's texts, by keyword; None if they have none.

    A program that saves ComfyUI's pictures with an infotext knows best what it made: the graph comes last.
    """
    found = (read(texts) for read in _PROGRAMS)
    return next(filter(None, found), None)
