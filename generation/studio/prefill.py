"""With what a person starts in the studio: words typed elsewhere, a model, a preset.

Words that somebody typed before signing up wait in the session, which keeps them through all of that.
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from generation.engine.request import MAX_PROMPT_LENGTH
from generation.options import presets
from generation.options.offered import offered

KEY = "start"
NAMES = ("prompt", "checkpoint", "preset")
# A pasted article; longer ones lose their end.
MAX_TEXT_LENGTH = 20_000


def keep(request: HttpRequest, *, text: str, preset_id: str = "") -> None:
    """Let it wait for the studio. An unknown preset counts for none."""
    preset = presets.PRESETS.get(preset_id)
    words = preset.subject(text[:MAX_TEXT_LENGTH]) if preset else text
    request.session[KEY] = {
        "prompt": words[:MAX_PROMPT_LENGTH],
        "preset": preset.id if preset else "",
    }


def values(request: HttpRequest) -> dict[str, Any]:
    """The studio's initial values. What the address says comes before what waits in the session.

    Raises UnknownPreset for one that the address names.
    """
    kept = request.session.get(KEY, {})
    start: Mapping[str, str] = request.GET if _says_something(request) else kept
    if start.get("preset"):
        return _preset_values(start)
    return {name: start[name] for name in ("prompt", "checkpoint") if start.get(name)}


def _preset_values(start: Mapping[str, str]) -> dict[str, Any]:
    """Raises UnknownPreset."""
    preset = presets.get(start["preset"])
    sizes = {size.id: size for size in preset.sizes}
    fit = presets.fit(preset, among=offered())
    return fit.values(start.get("prompt", ""), size=sizes.get(start.get("size", "")))


def forget(request: HttpRequest) -> None:
    """What waited has been used."""
    request.session.pop(KEY, None)


def _says_something(request: HttpRequest) -> bool:
    return any(request.GET.get(name) for name in NAMES)
