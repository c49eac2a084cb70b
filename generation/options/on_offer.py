"""Models and presets of this installation as public pages show them, with prices and speed."""

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

from django.utils.functional import Promise

from billing import pricing
from billing.plans import Plan
from generation.engine.checkpoints.catalogue import CHECKPOINTS, Checkpoint
from generation.engine.enums import NoiseScheduler
from generation.options import model_cards, presets
from generation.options.mode_names import NAMES
from generation.options.model_cards import ModelCard
from generation.options.offered import offered
from generation.options.presets import Fit, Preset
from generation.queue import estimates
from generation.queue.estimates import Throughput


@dataclass(frozen=True)
class Model:
    """A checkpoint as its page shows it. `rate` is None without enough recent measurements."""

    checkpoint: Checkpoint
    card: ModelCard
    is_offered: bool
    rate: Throughput | None

    @property
    def mode_names(self) -> list[str | Promise]:
        """Translated names of its modes."""
        return [name for mode, name in NAMES.items() if mode in self.checkpoint.modes]

    @property
    def credits(self) -> float:
        """API price in credits of one image of its native size in its usual steps."""
        pixels = self.checkpoint.native_size**2
        scheduler = NoiseScheduler(self.checkpoint.noise_scheduler)
        price = pricing.credits(
            per_picture=self.checkpoint.credits,
            native_pixels=pixels,
            pixels=pixels,
            steps=self.checkpoint.num_inference_steps * (1 + scheduler.evaluates_twice),
            num_images=1,
        )
        return price / 1_000

    @property
    def best_for(self) -> list[Preset]:
        """Presets that prefer this checkpoint and that it supports."""
        return [
            preset
            for preset in presets.PRESETS.values()
            if preset.best == self.checkpoint and preset.applies_to(self.checkpoint)
        ]


def models() -> list[Model]:
    """The whole catalogue, usable checkpoints first. One query."""
    return sorted(_models(CHECKPOINTS.values()), key=lambda model: not model.is_offered)


def model(checkpoint: Checkpoint) -> Model:
    """One query."""
    (found,) = _models([checkpoint])
    return found


def uses() -> list[Fit]:
    """Every preset, fitted to the usable checkpoints."""
    here = offered()
    return [presets.fit(preset, among=here) for preset in presets.PRESETS.values()]


def cents(ms: int, *, plan: Plan) -> float:
    """Price in cents of `ms` of GPU time, at the plan's price per included minute."""
    return float(Fraction(ms * plan.price_cents, plan.gpu_ms))


def _models(checkpoints: Collection[Checkpoint]) -> list[Model]:
    rates = {rate.checkpoint.id: rate for rate in estimates.rates(checkpoints)}
    here = {checkpoint.id for checkpoint in offered()}
    return [
        Model(
            checkpoint=checkpoint,
            card=model_cards.get(checkpoint),
            is_offered=checkpoint.id in here,
            rate=rates.get(checkpoint.id),
        )
        for checkpoint in checkpoints
    ]
