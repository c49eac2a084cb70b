"""What the quote knows of this installation: how long a checkpoint's steps take on its devices."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from django.db.models import F, QuerySet
from django.utils import timezone

from billing import pricing
from billing.pricing import Quote
from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.catalogue import Checkpoint
from generation.engine.enums import Mode
from generation.engine.events import Charge
from generation.engine.request import GenerationRequest
from generation.models import Speed

# A device that made nothing for this long may be gone.
RECENT = timedelta(days=7)
# How many runs the average leans on: enough to smooth a noisy machine, few enough to follow a new one.
MEMORY = 20
# Runs that have to be measured before anything is promised by them.
ENOUGH = 3
# Encoding and decoding, before this installation has measured them: milliseconds a picture and megapixel.
START_OVERHEAD_MS = 100


@dataclass(frozen=True)
class Measured:
    """Milliseconds: of one pass of the denoiser over a million pixels, and of one picture's other work."""

    ms_per_step_megapixel: float
    overhead_ms: float


@dataclass(frozen=True)
class Throughput:
    """GPU time that one picture takes with the checkpoint's own settings."""

    checkpoint: Checkpoint
    ms_a_picture: int

    @property
    def counted(self) -> int:
        """The number by which a language chooses its plural for `pictures_a_minute`."""
        return ceil(self.pictures_a_minute)

    @property
    def pictures_a_minute(self) -> float:
        """A whole number, but for those so slow that it would say too little."""
        rate = 60_000 / self.ms_a_picture
        return round(rate) if rate >= 10 else round(rate, 1)


def quote(request: GenerationRequest) -> Quote:
    """What a request will likely cost and the most it can, on the slowest device that may take it."""
    return _quote(request, _slowest(request.checkpoint, request.mode) or _start(request))


def is_known(request: GenerationRequest, *, device: str) -> bool:
    """Whether a run of its checkpoint and mode has ever finished on this kind of device."""
    known = Speed.objects.filter(checkpoint=request.checkpoint, mode=request.mode, device=device)
    return known.exists()


def learn(
    request: GenerationRequest,
    charges: Sequence[Charge],
    *,
    device: str,
    quoted_ms: int | None = None,
) -> None:
    """Take a finished run, which was quoted so much, into the averages.

    One statement, so concurrent workers lose nothing.
    """
    seen = measure(request, charges)
    error = _error(quoted_ms, charges)
    speed, is_new = Speed.objects.get_or_create(
        checkpoint=request.checkpoint,
        mode=request.mode,
        device=device,
        defaults={
            "ms_per_step_megapixel": seen.ms_per_step_megapixel,
            "overhead_ms": seen.overhead_ms,
            "error": error or 0,
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
        error=F("error") if error is None else F("error") * (1 - share) + error * share,
        samples=F("samples") + 1,
        updated_at=timezone.now(),
    )


def rates(checkpoints: Iterable[Checkpoint]) -> list[Throughput]:
    """How fast each of the checkpoints draws here with its own settings, as far as it was measured."""
    recent = _recent().filter(
        mode=Mode.TEXT_TO_IMAGE,
        checkpoint__in=[each.id for each in checkpoints if Mode.TEXT_TO_IMAGE in each.modes],
        samples__gte=ENOUGH,
    )
    slowest: dict[str, Speed] = {}
    for speed in recent.order_by("ms_per_step_megapixel"):
        slowest[speed.checkpoint] = speed
    return [
        Throughput(
            checkpoint=checkpoint,
            ms_a_picture=_quote(GenerationRequest.usual(checkpoint), known).likely_ms,
        )
        for checkpoint in checkpoints
        if (known := slowest.get(checkpoint.id))
    ]


def measure(request: GenerationRequest, charges: Sequence[Charge]) -> Measured:
    """What one run's charges say."""
    stepping = sum(charge.us for charge in charges if charge.phase == "step") / 1_000
    billed = sum(charge.us for charge in charges if charge.billed) / 1_000
    work = request.evaluations * request.rows * request.megapixels
    return Measured(
        ms_per_step_megapixel=stepping / work,
        overhead_ms=(billed - stepping) / request.num_images,
    )


def _quote(request: GenerationRequest, known: Measured | Speed) -> Quote:
    return pricing.quote(
        pixels=request.pixels,
        steps=request.evaluations,
        passes=request.passes,
        num_images=request.num_images,
        ms_per_step_megapixel=known.ms_per_step_megapixel,
        overhead_ms=round(known.overhead_ms),
    )


def _error(quoted_ms: int | None, charges: Sequence[Charge]) -> float | None:
    """By what part of the measured time the quote was wrong; None without either."""
    billed_ms = sum(charge.us for charge in charges if charge.billed) / 1_000
    if quoted_ms is None or not billed_ms:
        return None
    return abs(quoted_ms - billed_ms) / billed_ms


def _recent() -> QuerySet[Speed]:
    return Speed.objects.filter(updated_at__gt=timezone.now() - RECENT)


def _slowest(checkpoint: str, mode: Mode) -> Speed | None:
    recent = _recent().filter(checkpoint=checkpoint, mode=mode)
    return recent.order_by("-ms_per_step_megapixel").first()


def _start(request: GenerationRequest) -> Measured:
    checkpoint = catalogue.get(request.checkpoint)
    return Measured(
        ms_per_step_megapixel=checkpoint.start_ms_per_step_megapixel,
        overhead_ms=START_OVERHEAD_MS * request.megapixels,
    )
