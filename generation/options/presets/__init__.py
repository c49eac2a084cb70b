"""Presets: starting points of the studio, each a set of form values for one use.

    presets.PRESETS                       all presets by id, in the order of pages
    presets.get("isometric")              one preset; raises UnknownPreset
    presets.fit(preset, among=offered())  the preset with a usable checkpoint
    preset.applies_to(checkpoint)         True if the checkpoint supports the preset's mode

A Fit names substitutes for a missing checkpoint or mode, explains them in `notes`, and fills the
studio's form with `values(words)`.
"""

from collections.abc import Mapping

from generation.options.presets import art, trade
from generation.options.presets.fitting import Fit, fit
from generation.options.presets.preset import Preset, Size

__all__ = ["PRESETS", "SYNTHETIC_FIELDS", "Fit", "Preset", "Size", "UnknownPreset", "fit", "get"]

PRESETS: Mapping[str, Preset] = {preset.id: preset for preset in (*art.PRESETS, *trade.PRESETS)}
# Fields in which an image must be marked as synthetic.
SYNTHETIC_FIELDS = sorted(
    {preset.synthetic_for for preset in PRESETS.values() if preset.synthetic_for}
)


class UnknownPreset(LookupError):
    """No preset has this id."""


def get(id: str) -> Preset:
    """Raises UnknownPreset."""
    try:
        return PRESETS[id]
    except KeyError:
        raise UnknownPreset(id) from None
