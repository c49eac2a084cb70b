"""A preset as an installation can do it."""

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
    """A preset with the checkpoint and the mode that it gets here."""

    preset: Preset
    checkpoint: Checkpoint
    mode: Mode

    @property
    def notes(self) -> list[str]:
        """What is not as it is meant, each a sentence fit to show; empty where all of it is."""
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
        """The whole prompt. Without words, that of the example, in the language of the page."""
        words = words.strip() or self.preset.example(get_language())
        # The bundled checkpoint knows things, not styles: a frame would only blur them. But a synthetic
        # picture's prompt, which stays with it wherever it goes, is where it is marked.
        if self.checkpoint.is_bundled and not self.preset.is_synthetic:
            return self.preset.subject(words)
        return self.preset.prompt(words)

    def values(self, words: str = "", *, size: Size | None = None) -> dict[str, Any]:
        """What fills the studio's form. Settings that are left out are the checkpoint's own."""
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
        """The preset's numbers, which are none of the bundled checkpoint's."""
        if self.checkpoint.is_bundled:
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
    """Choose among the checkpoints that are offered, which must not be none.

    One that can do what is meant comes before one that is preferred; where none can, the preset draws
    from words alone. The bundled checkpoint, which is always there, can do that.
    """
    able = [each for each in among if preset.applies_to(each)]
    drawing = [each for each in among if Mode.TEXT_TO_IMAGE in each.modes]
    checkpoint = _preferred(preset, able or drawing)
    return Fit(preset, checkpoint, preset.mode if able else Mode.TEXT_TO_IMAGE)


def _preferred(preset: Preset, among: Sequence[Checkpoint]) -> Checkpoint:
    """The one that the preset names first; one that it does not name goes after all that it does."""
    ranks = {id: rank for rank, id in enumerate(preset.checkpoints)}
    return min(among, key=lambda checkpoint: ranks.get(checkpoint.id, len(ranks)))
