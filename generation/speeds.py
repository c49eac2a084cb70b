"""What the quote knows of this installation: how long a checkpoint's steps take on its devices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F, QuerySet
from django.utils import timezone

from billing import pricing
from billing.pricing import Quote
from generation.engine import catalogue
from generation.engine.catalogue import CHECKPOINTS, Checkpoint
from generation.engine.events import Charge
from generation.engine.request import GenerationRequest
from generation.models import Speed

# A device that made nothing for this long may be gone.
RECENT = timedelta(days=7)
# How many runs the average leans on: enough to smooth a noisy machine, few enough to follow a new one.
MEMORY = 20
# Encoding and decoding, before this installation has measured them: milliseconds a picture and megapixel.
START_OVERHEAD_MS = 100


@dataclass(frozen=True)
class Measured:
    """Milliseconds: of one pass of the denoiser over a million pixels, and of one picture's other work."""

    ms_per_step_megapixel: float
    overhead_ms: float


def quote(request: GenerationRequest) -> Quote:
    """What a request will likely cost and the most it can, on the slowest device that may take it."""
    known = _slowest(request.checkpoint) or _start(request)
    return pricing.quote(
        pixels=request.pixels,
        steps=request.evaluations,
        passes=request.passes,
        num_images=request.num_images,
        ms_per_step_megapixel=known.ms_per_step_megapixel,
        overhead_ms=round(known.overhead_ms),
    )


def pictures_a_minute() -> dict[str, int]:
    """What a minute of GPU time buys, by the id of each checkpoint that was measured here lately.

    Pictures of its native size, with its own settings, on the slowest device that draws with it. One
    query. A checkpoint that is not in the catalogue any more is left out.
    """
    slowest = _recent().order_by("checkpoint", "-ms_per_step_megapixel").distinct("checkpoint")
    return {
        speed.checkpoint: 60_000 // _likely_ms(CHECKPOINTS[speed.checkpoint], speed)
        for speed in slowest
        if speed.checkpoint in CHECKPOINTS
    }


def _likely_ms(checkpoint: Checkpoint, known: Speed) -> int:
    """What one picture takes, with the checkpoint's own settings."""
    return pricing.quote(
        pixels=checkpoint.native_size**2,
        steps=checkpoint.num_inference_steps,
        passes=2 if checkpoint.guidance_scale > 1 else 1,
        num_images=1,
        ms_per_step_megapixel=known.ms_per_step_megapixel,
        overhead_ms=round(known.overhead_ms),
    ).likely_ms


def learn(request: GenerationRequest, charges: Sequence[Charge], *, device: str) -> None:
    """Take a finished run into the averages. One statement, so concurrent workers lose nothing."""
    seen = measure(request, charges)
    speed, is_new = Speed.objects.get_or_create(
        checkpoint=request.checkpoint,
        device=device,
        defaults={
            "ms_per_step_megapixel": seen.ms_per_step_megapixel,
            "overhead_ms": seen.overhead_ms,
            "samples": 1,
        },
    )
    if is_new:
        return
    share = 1 / min(speed.samples + 1, MEMORY)
    Speed.objects.filter(pk=speed.pk).update(
        ms_per_step_megapixel=F("ms_per_step_megapixel") * (1 - share)
        + seen.ms_per_step_megapixel * share,
        overhead_ms=F("overhead_ms") * (1 - share) + seen.overhead_ms * share,
        samples=F("samples") + 1,
        updated_at=timezone.now(),
    )


def measure(request: GenerationRequest, charges: Sequence[Charge]) -> Measured:
    """What one run's charges say."""
    stepping = sum(charge.us for charge in charges if charge.phase == "step") / 1_000
    billed = sum(charge.us for charge in charges if charge.billed) / 1_000
    work = request.evaluations * request.rows * request.megapixels
    return Measured(
        ms_per_step_megapixel=stepping / work,
        overhead_ms=(billed - stepping) / request.num_images,
    )


def _recent() -> QuerySet[Speed]:
    return Speed.objects.filter(updated_at__gt=timezone.now() - RECENT)


def _slowest(checkpoint: str) -> Speed | None:
    return _recent().filter(checkpoint=checkpoint).order_by("-ms_per_step_megapixel").first()


def _start(request: GenerationRequest) -> Measured:
    checkpoint = catalogue.get(request.checkpoint)
    return Measured(
        ms_per_step_megapixel=checkpoint.start_ms_per_step_megapixel,
        overhead_ms=START_OVERHEAD_MS * request.megapixels,
    )
