"""What the quote knows of this installation: how long a checkpoint's steps take on its devices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from billing import pricing
from billing.pricing import Quote
from generation.engine import catalogue
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


def is_known(checkpoint: str, *, device: str) -> bool:
    """Whether a run of the checkpoint has ever finished on this kind of device."""
    return Speed.objects.filter(checkpoint=checkpoint, device=device).exists()


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


def _slowest(checkpoint: str) -> Speed | None:
    recent = Speed.objects.filter(checkpoint=checkpoint, updated_at__gt=timezone.now() - RECENT)
    return recent.order_by("-ms_per_step_megapixel").first()


def _start(request: GenerationRequest) -> Measured:
    checkpoint = catalogue.get(request.checkpoint)
    return Measured(
        ms_per_step_megapixel=checkpoint.start_ms_per_step_megapixel,
        overhead_ms=START_OVERHEAD_MS * request.megapixels,
    )
