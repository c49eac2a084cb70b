"""Presets fitted to the checkpoints of an installation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from generation.engine.checkpoints.catalogue import Checkpoint
from generation.engine.enums import Mode
from generation.options import mode_names
from generation.options.presets.preset import Preset, Size
from generation.options.sizes import shape_of, size_of


@dataclass(frozen=True)
class Fit:
    """A preset with the checkpoint and the mode chosen for it."""

    preset: Preset
    checkpoint: Checkpoint
    mode: Mode

    @property
    def notes(self) -> list[str]:
        """Translated sentences on each substitute; empty if the preset fits completely."""
        notes = []
        if self.mode != self.preset.mode:
            notes.append(
                _("%(mode)s is not available here: this draws from words alone.")
                % {"mode": mode_names.NAMES[self.preset.mode]}
            )
        best = self.preset.best
        if self.checkpoint != best:
            notes.append(
                _("It works best with %(best)s. Here it is drawn by %(actual)s.")
                % {"best": best.name, "actual": self.checkpoint.name}
            )
        if self.preset.is_synthetic:
            notes.append(_("The pictures are synthetic, and are marked as such. They show nobody."))
        return notes

    def prompt(self, words: str = "") -> str:
        """The complete prompt; without words, the example in the active language."""
        words = words.strip() or self.preset.example(get_language())
        # The bundled checkpoint knows things but no styles, so a frame would only blur them. A synthetic
        # image keeps its frame: the prompt travels with the file and marks it.
        if self.checkpoint.is_bundled and not self.preset.is_synthetic:
            return self.preset.subject(words)
        return self.preset.prompt(words)

    def values(self, words: str = "", *, size: Size | None = None) -> dict[str, Any]:
        """Initial values of the studio's form; missing settings are the checkpoint's defaults."""
        size = size or self.preset.size
        width, height = size_of(self.checkpoint, size.across, size.down)
        return {
            "prompt": self.prompt(words),
            "checkpoint": self.checkpoint.id,
            "mode": self.mode,
            "shape": shape_of(self.checkpoint, (width, height)),
            "width": width,
            "height": height,
            "synthetic_for": self.preset.synthetic_for,
            **self._settings(),
        }

    def _settings(self) -> dict[str, Any]:
        """The preset's settings; empty for checkpoints whose own are all that suits them."""
        if self.checkpoint.is_bundled or self.checkpoint.takes_few_steps:
            return {}
        preset = self.preset
        settings: dict[str, Any] = {
            "negative_prompt": preset.negative_prompt,
            "num_inference_steps": preset.num_inference_steps,
            "guidance_scale": preset.guidance_scale,
            "noise_scheduler": preset.noise_scheduler,
        }
        return settings if preset.strength is None else {**settings, "strength": preset.strength}


def fit(preset: Preset, *, among: Sequence[Checkpoint]) -> Fit:
    """Choose a checkpoint from `among`, which must not be empty.

    Support for the mode outranks the preset's preference. If no checkpoint supports the mode, the
    preset uses text to image, which the bundled checkpoint always supports.
    """
    able = [each for each in among if preset.applies_to(each)]
    drawing = [each for each in among if Mode.TEXT_TO_IMAGE in each.modes]
    checkpoint = _preferred(preset, able or drawing)
    return Fit(preset, checkpoint, preset.mode if able else Mode.TEXT_TO_IMAGE)


def _preferred(preset: Preset, among: Sequence[Checkpoint]) -> Checkpoint:
    """The preset's first choice; unnamed checkpoints rank last."""
    ranks = {id: rank for rank, id in enumerate(preset.checkpoints)}
    return min(among, key=lambda checkpoint: ranks.get(checkpoint.id, len(ranks)))
