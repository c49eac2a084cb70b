"""Pure arithmetic: what a request will cost, and what measured time is worth. Integers out, always."""

from dataclasses import dataclass
from math import ceil

# A run seldom takes longer than half as much again as expected; what it takes beyond that, the house pays.
CEILING_PERCENT = 150
# Short runs vary by more than that, and a ceiling of nothing could not be held.
LEAST_CEILING_MS = 1_000
# The number of steps that a checkpoint's price in credits is given for.
PRICED_STEPS = 30


@dataclass(frozen=True)
class Quote:
    """GPU milliseconds: what a job will likely cost, and the most that can be held or charged for it."""

    likely_ms: int
    ceiling_ms: int


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
    """Whole milliseconds of a measured time; the fraction that was begun is the house's."""
    return total_us // 1_000


def credits(
    *, per_picture: int, native_pixels: int, pixels: int, steps: int, num_images: int
) -> int:
    """Thousandths of a credit for `num_images` pictures, rounded up once.

    `per_picture` is the checkpoint's price of one picture of `native_pixels` in 30 steps.
    """
    work = per_picture * num_images * pixels * steps
    return -(-work // (native_pixels * PRICED_STEPS))


def credits_for_part(price: int, *, steps_done: int, steps: int) -> int:
    """What of a price in credits is due for a picture that was canceled: its part of the steps, rounded down.

    Nothing before the first step, and never for what has not run.
    """
    return price * min(steps_done, steps) // steps
