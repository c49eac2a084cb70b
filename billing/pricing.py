"""Arithmetic on prices: quotes for requests, and charges for measured time. All results are integers."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

# A run seldom takes 50 % longer than expected. Time beyond the ceiling is not charged.
CEILING_PERCENT = 150
# Short runs vary by more than that, and a hold has to be above zero.
LEAST_CEILING_MS = 1_000
# A checkpoint's price in credits is for this many steps.
PRICED_STEPS = 30


@dataclass(frozen=True)
class Quote:
    """GPU milliseconds: the likely cost of a job, and the most that is held or charged for it.

    A quote that is not `is_measured` is a guess: the customer may rely on it, nothing else may.
    """

    likely_ms: int
    ceiling_ms: int
    is_measured: bool = True


def quote(
    *,
    pixels: int,
    steps: int,
    passes: int,
    num_images: int,
    ms_per_step_megapixel: float,
    overhead_ms: int,
) -> Quote:
    """Quote `num_images` pictures of `pixels` each.

    `ms_per_step_megapixel` is the time of one pass of the denoiser over a million pixels; with
    guidance a step takes two `passes`. `overhead_ms` is one picture's encoding and decoding.
    """
    denoising_ms = ms_per_step_megapixel * steps * passes * pixels / 1_000_000
    likely_ms = max(1, ceil(num_images * (denoising_ms + overhead_ms)))
    ceiling_ms = max(LEAST_CEILING_MS, -(-likely_ms * CEILING_PERCENT // 100))
    return Quote(likely_ms=likely_ms, ceiling_ms=ceiling_ms)


def capture_ms(total_us: int) -> int:
    """Whole milliseconds of a measured time, rounded down."""
    return total_us // 1_000


def credits(
    *,
    per_picture: int,
    native_pixels: int,
    pixels: int,
    steps: int,
    num_images: int,
    length_factor: float = 1.0,
) -> int:
    """Thousandths of a credit for `num_images` pictures, rounded up once.

    `per_picture` is the checkpoint's price of one picture of `native_pixels` in 30 steps. A long prompt
    makes each step `length_factor` times as long.
    """
    # Exact, so that no float rounds a price up.
    work = per_picture * num_images * pixels * steps * Fraction(str(length_factor))
    return -(-work // (native_pixels * PRICED_STEPS))


def credits_for_part(price: int, *, steps_done: int, steps: int) -> int:
    """The part of a price in credits for a canceled job: its share of the steps, rounded down.

    Zero before the first step.
    """
    return price * min(steps_done, steps) // steps
