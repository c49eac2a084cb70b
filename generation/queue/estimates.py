"""Estimates of GPU time, learned from finished runs on this installation's devices."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil

from django.db.models import F, QuerySet
from django.utils import timezone

from billing import pricing
from billing.pricing import Quote
from generation.engine.charges import Charge
from generation.engine.checkpoints import catalogue
from generation.engine.checkpoints.catalogue import Checkpoint
from generation.engine.enums import Mode
from generation.engine.request import GenerationRequest
from generation.engine.request.prompt_length import USUAL_PIECES
from generation.models import Speed

# Share by which each piece of a prompt beyond the usual makes a step longer. The bundled checkpoint is so small that
# reading is much of its work.
PIECE_SHARE = 0.03
BUNDLED_PIECE_SHARE = 0.15
# Pieces of all texts, at the usual length of both prompts. Encoding each one beyond takes this share of a pass of the
# denoiser over a megapixel.
USUAL_TEXT_PIECES = 2 * USUAL_PIECES
READING_SHARE = 0.01
BUNDLED_READING_SHARE = 0.002
# A device without a finished run for this long may be gone.
RECENT = timedelta(days=7)
# Runs in the moving average: enough to smooth a noisy machine, few enough to follow a new one.
MEMORY = 20
# Runs needed before pages show a speed.
ENOUGH = 3
# Encoding and decoding before the first measurement: milliseconds per picture and megapixel.
START_OVERHEAD_MS = 100


@dataclass(frozen=True)
class Measured:
    """Milliseconds of one denoiser pass over a megapixel, and of one picture's other work."""

    ms_per_step_megapixel: float
    overhead_ms: float


@dataclass(frozen=True)
class Throughput:
    """The GPU time of one picture with the checkpoint's default settings."""

    checkpoint: Checkpoint
    ms_a_picture: int

    @property
    def counted(self) -> int:
        """The whole number that selects the plural form for `pictures_a_minute`."""
        return ceil(self.pictures_a_minute)

    @property
    def pictures_a_minute(self) -> float:
        """Rounded to a whole number, or to a tenth below 10."""
        rate = 60_000 / self.ms_a_picture
        return round(rate) if rate >= 10 else round(rate, 1)


def quote(request: GenerationRequest) -> Quote:
    """The likely and the highest cost of a request, on the slowest device that may take it."""
    if slowest := _slowest(request.checkpoint, request.mode):
        return _quote(request, slowest)
    return replace(_quote(request, _start(request)), is_measured=False)


def quote_on(device: str, request: GenerationRequest) -> Quote | None:
    """The cost on this kind of device; None if no such run has ever finished there."""
    known = Speed.objects.filter(checkpoint=request.checkpoint, mode=request.mode, device=device)
    speed = known.first()
    return _quote(request, speed) if speed else None


def learn(
    request: GenerationRequest,
    charges: Sequence[Charge],
    *,
    device: str,
    quoted_ms: int | None = None,
) -> None:
    """Add a finished run, and the error of its quote, to the averages.

    Very long prompts, those of many versions, and drafts, which are not decoded, teach nothing.
    One UPDATE statement, so that no concurrent worker's run is lost.
    """
    is_long = request.prompt_pieces > USUAL_PIECES or request.text_pieces > USUAL_TEXT_PIECES
    if is_long or request.draft_steps:
        return
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
    """The speed of each measured checkpoint with its default settings."""
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
    """The measurement in one run's charges."""
    stepping = sum(charge.us for charge in charges if charge.phase == "step") / 1_000
    billed = sum(charge.us for charge in charges if charge.billed) / 1_000
    work = request.own_evaluations * request.rows * request.megapixels
    return Measured(
        ms_per_step_megapixel=stepping / work,
        overhead_ms=(billed - stepping) / request.num_images,
    )


def _quote(request: GenerationRequest, known: Measured | Speed) -> Quote:
    # Drafts are encoded once for all, and not decoded: one picture's other work is more than theirs.
    shares = request.num_images if request.draft_steps else 1
    return pricing.quote(
        pixels=request.pixels,
        steps=request.own_evaluations,
        passes=request.passes,
        num_images=request.num_images,
        ms_per_step_megapixel=known.ms_per_step_megapixel * length_factor(request),
        overhead_ms=round(
            known.overhead_ms / shares + _reading_ms(request, known) / request.num_images
        ),
    )


def _reading_ms(request: GenerationRequest, known: Measured | Speed) -> float:
    """The time to encode the pieces beyond the usual number, once for all pictures."""
    is_bundled = catalogue.get(request.checkpoint).is_bundled
    share = BUNDLED_READING_SHARE if is_bundled else READING_SHARE
    return share * known.ms_per_step_megapixel * max(0, request.text_pieces - USUAL_TEXT_PIECES)


def length_factor(request: GenerationRequest) -> float:
    """The time of a step relative to one with a prompt of a usual length."""
    is_bundled = catalogue.get(request.checkpoint).is_bundled
    share = BUNDLED_PIECE_SHARE if is_bundled else PIECE_SHARE
    return 1 + share * max(0, request.prompt_pieces - USUAL_PIECES)


def _error(quoted_ms: int | None, charges: Sequence[Charge]) -> float | None:
    """The quote's error relative to the measured time; None without either."""
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
