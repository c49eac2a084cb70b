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

__all__ = ["READ", "settings_in"]

_PROGRAMS: Sequence[Callable[[Mapping[str, str]], FoundSettings | None]] = (
    swarmui.settings_in,
    fooocus.settings_in,
    invokeai.settings_in,
    novelai.settings_in,
    automatic1111.settings_in,
    comfyui.settings_in,
)
# The texts of a file that have settings, by keyword.
READ = (
    "parameters",
    "prompt",
    "invokeai_metadata",
    "sd-metadata",
    "Comment",
    "Description",
    "Software",
)


def settings_in(texts: Mapping[str, str]) -> FoundSettings | None:
    """Return the settings in a file's texts, by keyword; None if they have none.

    A program that saves ComfyUI's pictures with an infotext knows best what it made: the graph comes last.
    """
    found = (read(texts) for read in _PROGRAMS)
    return next(filter(None, found), None)
