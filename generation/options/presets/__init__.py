"""Starting points: what people come to do, each as settings that the studio's form understands.

    presets.PRESETS                       every preset by id, in the order in which they are shown
    presets.get("isometric")              one of them; raises UnknownPreset
    presets.fit(preset, among=offered())  the preset as this installation can do it
    preset.applies_to(checkpoint)         whether the checkpoint can do it as it is meant

A fit is what a page works with. It names the checkpoint and mode that stand in where the preferred ones
are missing, says so in `notes`, and fills the studio's form by `values(words)`.
"""

from collections.abc import Mapping

from generation.options.presets import art, trade
from generation.options.presets.fitting import Fit, fit
from generation.options.presets.preset import Preset, Size

__all__ = ["PRESETS", "SYNTHETIC_FIELDS", "Fit", "Preset", "Size", "UnknownPreset", "fit", "get"]

PRESETS: Mapping[str, Preset] = {preset.id: preset for preset in (*art.PRESETS, *trade.PRESETS)}
# The fields in which a picture must say that it shows nothing real.
SYNTHETIC_FIELDS = sorted(
    {preset.synthetic_for for preset in PRESETS.values() if preset.synthetic_for}
)


class UnknownPreset(LookupError):
    """There is no preset of this id."""


def get(id: str) -> Preset:
    """Raises UnknownPreset."""
    try:
        return PRESETS[id]
    except KeyError:
        raise UnknownPreset(id) from None
