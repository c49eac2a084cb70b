"""Prefilled values of the studio's form: a prompt, a model or a preset from another page.

A prompt typed before sign-up waits in the session, which survives sign-up.
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from generation.engine.request import MAX_PROMPT_LENGTH
from generation.options import presets
from generation.options.offered import offered

KEY = "start"
NAMES = ("prompt", "checkpoint", "preset")
# Longer articles are cut.
MAX_TEXT_LENGTH = 20_000


def keep(request: HttpRequest, *, text: str, preset_id: str = "") -> None:
    """Store a prompt in the session for the studio. An unknown preset is ignored."""
    preset = presets.PRESETS.get(preset_id)
    words = preset.subject(text[:MAX_TEXT_LENGTH]) if preset else text
    request.session[KEY] = {
        "prompt": words[:MAX_PROMPT_LENGTH],
        "preset": preset.id if preset else "",
    }


def values(request: HttpRequest) -> dict[str, Any]:
    """Initial values of the studio; the URL's query takes precedence over the session.

    Raises UnknownPreset.
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
    """Remove the stored prompt from the session."""
    request.session.pop(KEY, None)


def _says_something(request: HttpRequest) -> bool:
    return any(request.GET.get(name) for name in NAMES)
